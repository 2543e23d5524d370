import t, { type Test } from 'tap'
import type { IdentitySetting } from '../../server/config/identity-settings.ts'
import { aNode } from '../access/a-node.ts'
import { testFolder } from '../folder.ts'
import { networkSettings, ram } from './a-config.ts'
import { arrival, mac, OneMachine } from './one-machine.ts'
import { theClusters } from './the-clusters.ts'

const apiOfBox = {
  place: { api: 'https://10.77.0.1:8443', fingerprint: 'a'.repeat(64) },
  authorityPem: '-----BEGIN CERTIFICATE-----\n',
}
const nobody = { kind: 'these', macs: new Set<never>() } as const
const board = '&uuid=4c4c4544-004d-3510-804a-000000000001&serial=S1'
const another = '&uuid=4c4c4544-004d-3510-804a-000000000002'

async function aBox(t: Test, identity: IdentitySetting, settings = {}): Promise<OneMachine> {
  const box = await OneMachine.open(t, {
    dataFolder: testFolder(t),
    defaults: { ...ram, cluster: 'prod' },
    networks: [networkSettings({ identity })],
    ...settings,
  })
  box.apiOfBox = apiOfBox
  box.clusters = await theClusters(box)
  return box
}

/** One boot of a machine that shows its board, as far as its script. */
async function boots(box: OneMachine, shows = board) {
  box.now += 300_000
  box.comesBy()
  return await box.asksForScript(mac, shows)
}

async function nonceOf(box: OneMachine): Promise<string | undefined> {
  const seed = await box.boot.seed(arrival, box.attempt.id, 'vendor-data')
  return /NONCE='([0-9a-f]{32})'/.exec(seed.kind === 'text' ? seed.text : '')?.[1]
}

async function enrols(box: OneMachine) {
  return await box.enrolments.enrol(arrival, aNode().enrols((await nonceOf(box)) ?? 'none'))
}

function summaryOf(box: OneMachine) {
  const [summary] = box.api.find(box.machine.id)
  if (summary === undefined) throw new Error('it has no record')
  return summary
}

t.test('a rule lets a machine in by its card alone, unless its network wants more', async (t) => {
  const box = await aBox(t, 'mac')
  t.equal((await boots(box, '')).kind, 'run-image')
  t.match(await enrols(box), { kind: 'text' })
  t.match(summaryOf(box).identity, { tier: 'mac', because: /neither a UUID nor a serial/ })
})

t.test('a network that wants the claim tier lets no rule in, and says what to do', async (t) => {
  const box = await aBox(t, 'claim')
  const { kind, text } = await boots(box)
  const { claim = '' } = box.machine
  t.equal(kind, 'wait')
  t.match(text, 'This machine waits for a person to compare its code.')
  t.match(text, 'the network rack wants the identity tier claim, and it has smbios')
  t.ok(text.includes(`ironwake machines approve ${claim}\n`), text)
  t.match(
    box.happened.find((event) => event.kind === 'join-refused'),
    { cluster: 'prod', cause: 'identity-too-weak', because: /wants the identity tier claim/ },
  )
  await box.settled()
  t.match(await box.api.diagnose(box.machine), { verdict: 'identity-too-weak', outlook: 'waits' })
  t.equal(await nonceOf(box), undefined)
  t.equal(box.enrolments.of(box.machine.id), undefined, 'no nonce was made')
  const summary = summaryOf(box)
  t.match(summary, {
    identity: { tier: 'smbios', tooWeak: /the network rack wants/ },
    joinRefused: { refusal: 'identity-too-weak', nextStep: /machines approve CODE/ },
  })
  t.match(await box.api.bootNext(box.machine, 'image'), { kind: 'refused', because: /compared/ })

  t.match(await box.api.approve(box.machine, {}), {
    kind: 'done',
    remarks: [/waits for its code to be compared/],
  })
  t.equal((await boots(box)).kind, 'wait', 'who approves it by another name has compared nothing')

  t.match(await box.api.approve(box.machine, { claim }), { kind: 'done', remarks: [] })
  t.equal((await boots(box)).kind, 'run-image')
  t.match(await enrols(box), { kind: 'text' })
  t.match(summaryOf(box), { identity: { tier: 'claim', tooWeak: undefined }, joinRefused: undefined })
  await box.restart()
  t.equal(summaryOf(box).identity.tier, 'claim', 'the store has what it rests on')
})

t.test('a cluster may want more than the network', async (t) => {
  const box = await aBox(t, 'mac', { clusters: [{ name: 'prod', identity: 'claim' }] })
  t.match(await boots(box), { kind: 'wait', text: /the cluster prod wants the identity tier claim/ })
  const other = await aBox(t, 'mac', { clusters: [{ name: 'lab', identity: 'claim' }] })
  t.equal((await boots(other)).kind, 'run-image', 'a machine of another cluster is not asked for it')
})

t.test('a machine for no cluster is not asked who it is', async (t) => {
  const box = await aBox(t, 'claim', { defaults: ram })
  t.equal((await boots(box, '')).kind, 'run-image')
})

t.test('the plan says before the boot that the machine would not be let in, and why', async (t) => {
  const box = await aBox(t, 'smbios')
  await boots(box)
  const plan = async () => {
    const planned = await box.api.plan(box.machine)
    return planned.kind === 'planned' ? planned.plan : planned
  }
  const before = await plan()
  t.match(before, { script: 'run-image', identity: { tier: 'smbios' } })
  t.notMatch(JSON.stringify(before), /identity tier/)
  await boots(box, another)
  t.match(await plan(), {
    script: 'wait',
    identity: { tier: 'mac', because: /shows the UUID/, tooWeak: /the network rack wants/ },
    notJoining: new RegExp(`wants the identity tier smbios.*machines approve ${box.machine.claim}`),
  })
})

t.test('a nonce that was made before more was asked for is good for no credential', async (t) => {
  const box = await aBox(t, 'smbios', { approve: { kind: 'all' } })
  await boots(box)
  const nonce = await nonceOf(box)
  t.match(nonce, /^[0-9a-f]{32}$/)
  await box.restart({ networks: [networkSettings({ identity: 'claim' })] })
  t.equal(await nonceOf(box), undefined, 'its seed shows none any more')
  const answer = await box.enrolments.enrol(arrival, aNode().enrols(nonce ?? ''))
  t.match(answer, { kind: 'refused', status: 403, because: /wants the identity tier claim/ })
  await box.settled()
  t.match(box.happened.at(-1), { kind: 'enrolment-refused', cause: 'identity-too-weak' })
  t.equal(box.enrolments.of(box.machine.id)?.holder, undefined)
})

t.test('two that claim to be a machine end what its code said, until it is compared again', async (t) => {
  const box = await aBox(t, 'claim', { approve: nobody })
  await boots(box)
  const { claim = '' } = box.machine
  await box.api.approve(box.machine, { claim })
  await boots(box)
  const nonce = (await nonceOf(box)) ?? ''
  t.match(await box.enrolments.enrol(arrival, aNode().enrols(nonce)), { kind: 'text' })
  t.match(await box.enrolments.enrol(arrival, aNode().enrols(nonce)), { kind: 'refused', status: 409 })
  t.equal(box.machine.state, 'quarantined')
  t.match(summaryOf(box).identity, { tier: 'smbios', because: /two systems have claimed to be it/ })
  await box.api.retry(box.machine.id)
  await box.restart()
  t.match(await boots(box), { kind: 'wait', text: /two systems have claimed to be it/ })
  box.now += 1_000
  await box.api.approve(box.machine, { claim })
  t.equal((await boots(box)).kind, 'run-image')
  t.match(await enrols(box), { kind: 'text' })
})

t.test('a board that was changed is let in again by its code, under the UUID that it shows', async (t) => {
  const box = await aBox(t, 'claim', { approve: nobody })
  await boots(box)
  const { claim = '', uuid } = box.machine
  await box.api.approve(box.machine, { claim })
  t.match(await boots(box, `${another}&serial=S2`), { kind: 'wait' })
  t.equal(box.machine.uuid, uuid, 'nobody changes a record by what he shows')
  await box.api.approve(box.machine, { claim })
  t.match(box.machine, { uuid: '4c4c4544-004d-3510-804a-000000000002', serial: 'S2' })
  t.equal((await boots(box, `${another}&serial=S2`)).kind, 'run-image')
  t.equal(box.roster.byUuid(box.machine.uuid!)?.id, box.machine.id)
  t.equal(box.roster.byUuid(uuid!), undefined)
})
