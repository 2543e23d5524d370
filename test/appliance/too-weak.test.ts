import t from 'tap'
import { tooWeakToJoin } from '../../server/appliance/too-weak.ts'
import { aNode } from '../access/a-node.ts'
import { testFolder } from '../folder.ts'
import { networkSettings, ram } from './a-config.ts'
import { arrival, mac, OneMachine } from './one-machine.ts'
import { theClusters } from './the-clusters.ts'

const board = '&uuid=4c4c4544-004d-3510-804a-000000000001'
const apiOfBox = {
  place: { api: 'https://10.77.0.1:8443', fingerprint: 'a'.repeat(64) },
  authorityPem: '-----BEGIN CERTIFICATE-----\n',
}

/** A machine that has enrolled in a boot that showed its board, and runs. */
async function anEnrolledMachine(t: Parameters<typeof OneMachine.open>[0], claim: boolean) {
  const box = await OneMachine.open(t, {
    dataFolder: testFolder(t),
    defaults: { ...ram, cluster: 'prod' },
    approve: { kind: 'these', macs: new Set() },
  })
  box.apiOfBox = apiOfBox
  box.clusters = await theClusters(box)
  const boots = async (shows: string) => {
    box.now += 300_000
    box.comesBy()
    await box.asksForScript(mac, shows)
  }
  await boots(board)
  await box.api.approve(box.machine, claim ? { claim: box.machine.claim } : {})
  await boots(board)
  const nonce = box.enrolments.openNonce(box.machine.id, box.attempt.id) ?? ''
  t.match(await box.enrolments.enrol(arrival, aNode().enrols(nonce)), { kind: 'text' })
  await box.runs()
  const why = () => tooWeakToJoin(box)(box.machine)
  return { box, boots, why }
}

t.test('what the boot had shown counts in which a system enrolled', async (t) => {
  const { box, boots, why } = await anEnrolledMachine(t, true)
  await box.restart({ networks: [networkSettings({ identity: 'claim' })] })
  t.equal(why(), undefined)
  await boots('&uuid=4c4c4544-004d-3510-804a-0000000000ff')
  t.equal(why(), undefined, 'who shows himself in its name does not keep it out')
})

t.test('who enrolled before its code was compared has to enrol anew', async (t) => {
  const { box, why } = await anEnrolledMachine(t, false)
  await box.restart({ networks: [networkSettings({ identity: 'claim' })] })
  t.match(why(), /the network rack wants the identity tier claim, and it has smbios/)
  box.now += 1_000
  await box.api.approve(box.machine, { claim: box.machine.claim })
  t.match(why(), /compared after this system had enrolled/)
})
