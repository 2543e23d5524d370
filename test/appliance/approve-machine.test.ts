import t from 'tap'
import { macNumber } from '../networks/a-network.ts'
import { mac, OneMachine } from './one-machine.ts'

const nobody = { approve: { kind: 'these', macs: new Set<never>() } } as const
const second = macNumber(2)
const uuid = '&uuid=4c4c4544-004d-3510-804a-000000000001'

async function waiting(t: Parameters<typeof OneMachine.open>[0], settings = {}): Promise<OneMachine> {
  const box = await OneMachine.open(t, { ...nobody, ...settings })
  t.equal(await box.boots(), 'wait')
  return box
}

t.test('a machine waits with its code on the screen, is approved by it, and runs its image', async (t) => {
  const box = await waiting(t)
  const { text } = await box.asksForScript()
  const { claim = '' } = box.machine
  t.ok(text.includes(`echo Claim code: ${claim}\n`), text)
  t.ok(text.includes(`ironwake machines approve ${claim}\n`), text)
  const [found] = box.api.find(claim.toLowerCase().replace('-', ''))
  t.equal(found?.machine.id, box.machine.id)
  t.match(await box.api.approve(box.machine, { hostname: 'node-1', image: 'debian', claim }), {
    kind: 'done',
    remarks: [],
  })
  t.match(box.happened.at(-2), {
    kind: 'machine-approved',
    claim: 'compared',
    hostname: 'node-1',
    image: 'debian',
  })
  t.match(box.happened.at(-1), { kind: 'machine-state-changed', to: 'approved' })
  t.match(box.machine, { state: 'approved', hostname: 'node-1' })
  t.equal(await box.boots(), 'run-image')
  const script = await box.asksForScript()
  t.match(script.text, /ip=::::node-1:BOOTIF:dhcp/)
  await box.runs()
  t.match(box.machine, { state: 'installed', approval: { by: 'person', doneAt: box.now } })
})

t.test('an approval survives a restart, and ends when it is taken back', async (t) => {
  const box = await waiting(t)
  await box.api.approve(box.machine, { hostname: 'node-1' })
  await box.restart()
  t.equal(await box.boots(), 'run-image', 'for ram each boot is a run of the image')
  await box.runs()
  t.equal(await box.boots(), 'run-image')
  await box.runs()
  await box.restart()
  t.match(await box.api.unapprove(box.machine), { kind: 'done', remarks: [] })
  t.match(box.machine, { state: 'discovered', hostname: undefined, approval: undefined })
  t.equal(box.count('machine-unapproved'), 1)
  await box.restart()
  t.equal(await box.boots(), 'wait')
  t.match(await box.api.unapprove(box.machine), { kind: 'refused', because: /^no person has approved/ })
})

t.test('an approval for one run is kept until a boot ends well, and the disk is next', async (t) => {
  const box = await waiting(t)
  await box.api.approve(box.machine, { once: true })
  t.equal(await box.boots(), 'run-image')
  t.equal(await box.boots(), 'run-image', 'the boot before was cut off')
  await box.runs()
  await box.restart()
  t.equal(await box.boots(), 'boot-local')
  t.match(
    box.happened.findLast(({ kind }) => kind === 'script-served'),
    { because: /approved for one run/ },
  )
  t.match(await box.api.bootNext(box.machine, 'image'), { kind: 'done' })
  t.equal(await box.boots(), 'run-image')
  await box.runs()
  t.equal(await box.boots(), 'boot-local')
  await box.api.approve(box.machine, { once: true })
  t.equal(await box.boots(), 'run-image', 'another approval is another run')
})

t.test(
  'a card that comes to an approved record by its UUID waits, and costs the record nothing',
  async (t) => {
    const box = await waiting(t)
    await box.asksForScript(mac, uuid)
    await box.api.approve(box.machine, {})
    const { id } = box.machine
    box.now += 60_000
    const { kind, text } = await box.asksForScript(second, uuid)
    t.equal(kind, 'wait')
    t.match(text, /it is not approved: the card 52:54:00:00:00:02 came to its record after a person had/)
    t.equal(box.roster.byMac(second)?.id, id, 'it may be a swapped card, so the record is the same')
    t.equal(box.machine.state, 'approved')
    box.now += 60_000
    t.equal((await box.asksForScript(mac, uuid)).kind, 'run-image')
    await box.api.approve(box.machine, {})
    box.now += 20 * 60_000
    t.equal(
      (await box.asksForScript(second, uuid)).kind,
      'run-image',
      'a person has approved it with its new card',
    )
  },
)

t.test('another board with the card of an approved machine waits', async (t) => {
  const box = await waiting(t)
  await box.asksForScript(mac, `${uuid}&serial=S1`)
  await box.api.approve(box.machine, {})
  box.now += 60_000
  const { kind, text } = await box.asksForScript(mac, '&uuid=4c4c4544-004d-3510-804a-000000000002&serial=S2')
  t.equal(kind, 'wait')
  t.match(text, /a person approved it, but it shows itself as two machines: .* the serials differ/)
  box.now += 60_000
  t.equal((await box.asksForScript(mac, `${uuid}&serial=S1`)).kind, 'run-image')
})

t.test(
  'a card that another board has taken from an approved record has no approval when it returns',
  async (t) => {
    const box = await waiting(t)
    await box.asksForScript(mac, `${uuid}&serial=S1`)
    box.now += 20 * 60_000
    await box.asksForScript(second, uuid)
    const { id } = box.machine
    await box.api.approve(box.machine, {})
    t.same(box.machine.approval?.macs, [mac, second])
    box.now += 20 * 60_000
    t.equal((await box.asksForScript(second, `${uuid}&serial=S2`)).kind, 'wait')
    t.not(box.roster.byMac(second)?.id, id)
    t.strictSame(box.machine.approval?.macs, [mac])
  },
)

t.test('a rule of the settings goes on to count, and the record says that it does', async (t) => {
  const box = await OneMachine.open(t)
  t.equal(await box.boots(), 'run-image')
  t.match(box.machine.approval, { by: 'rule', macs: [mac] })
  t.match(await box.api.unapprove(box.machine), {
    kind: 'refused',
    because: /^no person has approved .*; a rule does: take it out of approve/,
  })
  await box.api.approve(box.machine, { method: 'local' })
  t.equal(await box.boots(), 'boot-local', 'what a person says counts before the settings')
  t.match(await box.api.unapprove(box.machine), { kind: 'done', remarks: [/lets .* boot all the same/] })
  t.equal(await box.boots(), 'run-image')
})

t.test('what cannot be done is refused with the reason, and changes nothing', async (t) => {
  const reserved = { mac: macNumber(9), hostname: 'storage-1', method: 'ram', image: undefined } as const
  const entry = { ...reserved, kernelParameters: [], sshAuthorizedKeys: [] }
  const box = await waiting(t, { machines: [entry] })
  box.now += 60_000
  await box.asksForScript(second)
  const other = box.roster.byMac(second)!
  await box.api.approve(other, { hostname: 'node-2' })
  const before = box.machine
  for (const [order, because] of [
    [
      { claim: other.claim },
      /^the code of .* is [A-Z]{3}-[A-Z]{3}, and not .*: look whether that is the screen/,
    ],
    [{ hostname: 'node_1' }, /^node_1 is not a host name/],
    [{ hostname: 'node-2' }, /^node-2 is the name of [0-9a-z]{8}$/],
    [{ hostname: 'storage-1' }, /^storage-1 is the name that the settings have for 52:54:00:00:00:09$/],
    [{ image: 'fedora' }, /cannot run fedora: there is no image fedora.*; `ironwake images list`/],
    [{ image: 'debain' }, /there is no image debain.*; did you mean debian\?/],
    [{ image: 'debian@1' }, /names a version, which only the settings can keep/],
    [{ method: 'local', image: 'debian' }, /boot its own disk \(method: local\), and runs no image/],
    [{ method: 'local', once: true }, /runs no image/],
  ] as const) {
    t.match(await box.api.approve(box.machine, order), { kind: 'refused', because })
    t.equal(box.machine, before)
  }
  t.equal(await box.boots(), 'wait')
})

t.test('who approves is told what else the machine waits for', async (t) => {
  const box = await waiting(t, { images: [] })
  t.match(await box.api.approve(box.machine, {}), {
    kind: 'done',
    remarks: [/waits for an image: the settings name no image/],
  })
  t.equal(await box.boots(), 'wait')
})
