import t from 'tap'
import { apiPlaceFor } from '../../server/appliance/api-place.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import { aNode, given } from '../access/a-node.ts'
import { ip } from '../networks/a-network.ts'
import { ram } from './a-config.ts'
import { arrival, OneMachine } from './one-machine.ts'

const place = { api: 'https://10.77.0.1:8443', fingerprint: 'a'.repeat(64) }
const apiOfBox = { place, authorityPem: '-----BEGIN CERTIFICATE-----\n' }

async function seedOf(box: OneMachine): Promise<string> {
  const seed = await box.boot.seed(arrival, box.attempt.id, 'vendor-data')
  return seed.kind === 'text' ? seed.text : seed.kind
}

function nonceIn(seed: string): string | undefined {
  return /NONCE='([0-9a-f]{32}|none)'/.exec(seed)?.[1]
}

t.test('a machine that is for a cluster is invited by its seed, once', async (t) => {
  const box = await OneMachine.open(t, { defaults: { ...ram, cluster: 'lab' } })
  box.apiOfBox = apiOfBox
  t.equal(await box.boots(), 'run-image')
  const seed = await seedOf(box)
  const nonce = nonceIn(seed) ?? ''
  t.match(nonce, /^[0-9a-f]{32}$/)
  t.match(seed, `FINGERPRINT='${place.fingerprint}'`)
  t.strictSame(box.boot.authority(), {
    kind: 'text',
    type: 'application/pem-certificate-chain',
    text: apiOfBox.authorityPem,
  })
  const answer = await box.enrolments.enrol(arrival, aNode().enrols(nonce))
  if (answer.kind !== 'text') throw new Error(JSON.stringify(answer))
  t.equal(nonceIn(await seedOf(box)), 'none', 'who reads the seed later finds no nonce')
  const { credential } = given(answer.text)
  await box.restart()
  t.match(box.enrolments.check(credential, '10.77.0.100'), { kind: 'good', machine: box.machine.id })
  t.notMatch(JSON.stringify(await box.store.served.ofMachine(box.machine.id)), nonce)
})

t.test('what would be given next makes no nonce, and shows none', async (t) => {
  const box = await OneMachine.open(t, { defaults: { ...ram, cluster: 'lab' } })
  box.apiOfBox = apiOfBox
  await box.boots()
  const nonce = nonceIn(await seedOf(box))
  const before = JSON.stringify(box.enrolments.of(box.machine.id))
  const planned = await box.api.plan(box.machine)
  if (planned.kind === 'refused') throw new Error(planned.because)
  t.notMatch(JSON.stringify(planned), nonce)
  t.match(JSON.stringify(planned), "NONCE='ATTEMPT'")
  t.strictSame(planned.plan.since?.changes, [])
  t.equal(JSON.stringify(box.enrolments.of(box.machine.id)), before)
})

t.test('who is for no cluster, or cannot reach the API, is not invited', async (t) => {
  for (const [defaults, given] of [
    [ram, apiOfBox],
    [{ ...ram, cluster: 'lab' }, undefined],
  ] as const) {
    const box = await OneMachine.open(t, { defaults })
    box.apiOfBox = given
    t.equal(await box.boots(), 'run-image')
    t.equal(nonceIn(await seedOf(box)), undefined)
    t.equal(box.enrolments.of(box.machine.id), undefined)
  }
})

t.test('a machine is led to the address of the box that it asked, where the API listens there', async (t) => {
  const authority = { certificate: { fingerprint256: 'AB:'.repeat(31) + 'AB' } } as never
  const at = (addresses: readonly Ipv4[] | 'networks', to: string) => {
    const listen =
      addresses === 'networks' ? { kind: 'networks' as const } : { kind: 'addresses' as const, addresses }
    return apiPlaceFor({ api: { listen, port: 8443, names: [] } }, authority)(to)?.api
  }
  t.equal(at('networks', '10.77.0.1'), 'https://10.77.0.1:8443')
  t.equal(at([ip('10.0.0.1'), ip('10.77.0.1')], '10.77.0.1'), 'https://10.77.0.1:8443')
  t.equal(at([ip('0.0.0.0')], '10.77.0.1'), 'https://10.77.0.1:8443')
  t.equal(at([ip('10.0.0.1')], '10.77.0.1'), 'https://10.0.0.1:8443')
  t.equal(at([], '10.77.0.1'), undefined)
  t.equal(
    apiPlaceFor({ api: { listen: { kind: 'networks' }, port: 1, names: [] } }, undefined)('10.77.0.1'),
    undefined,
  )
})
