import t from 'tap'
import { attemptsKept } from '../../server/store/attempts.ts'
import { macNumber } from '../networks/a-network.ts'
import { ram } from './a-config.ts'
import { mac, OneMachine } from './one-machine.ts'

// A machine whose boot order begins with the network, a hundred times.

const boots = 100
const local = { defaults: { ...ram, method: 'local' as const } }
const nobody = { approve: { kind: 'these', macs: new Set([macNumber(2)]) } } as const

/** The choices of a hundred boots, and how often each was made. */
async function hundred(
  box: OneMachine,
  one: (boot: number) => Promise<string>,
): Promise<Map<string, number>> {
  const choices: string[] = []
  for (let boot = 1; boot <= boots; boot++) choices.push(await one(boot))
  const made = new Map<string, number>()
  for (const choice of choices.toSorted()) made.set(choice, (made.get(choice) ?? 0) + 1)
  return made
    .set('machines', box.roster.all().length)
    .set('attempts', (await box.store.attempts.ofMachine(box.machine.id)).length)
}

t.test('a machine that is not approved is sent to its own disk by every one of them', async (t) => {
  for (const settings of [nobody, { ...nobody, ...local }]) {
    const box = await OneMachine.open(t, settings)
    const texts = new Set<string>()
    const made = await hundred(box, async () => {
      box.now += 300_000
      box.comesBy()
      const { kind, text } = await box.asksForScript()
      texts.add(text.replaceAll(/\([0-9]+ boots in [^)]*\)/g, ''))
      return kind
    })
    t.strictSame(
      [...made],
      [
        ['wait', boots],
        ['machines', 1],
        ['attempts', attemptsKept],
      ],
    )
    for (const text of texts) t.notMatch(text, /kernel|initrd|vmlinuz|squashfs/)
    t.ok([...texts].every((text) => text.includes('exit 1')))
    t.equal(box.machine.state, 'discovered')
    await t.resolves(box.store.events.list())
    t.ok(JSON.stringify(box.machine).length < 1_000, 'its record does not grow')
  }
})

t.test('method local: nothing but the own disk, whether its system is heard of or not', async (t) => {
  const heard = await OneMachine.open(t, local)
  const withSystem = await hundred(heard, async () => {
    const kind = await heard.boots(1)
    heard.sends('discover-dhclient')
    return kind
  })
  t.strictSame(
    [...withSystem],
    [
      ['boot-local', boots],
      ['machines', 1],
      ['attempts', attemptsKept],
    ],
  )
  t.equal(heard.count('machine-goes-round'), 0)

  const rare = await OneMachine.open(t, local)
  const everyQuarter = await hundred(rare, async () => await rare.boots(15))
  t.equal(everyQuarter.get('boot-local'), boots)
})

t.test(
  'method local: a machine that only comes back is told so, and goes to its own disk still',
  async (t) => {
    const box = await OneMachine.open(t, local)
    const texts: string[] = []
    const made = await hundred(box, async () => {
      box.now += 60_000
      box.comesBy()
      const { kind, text } = await box.asksForScript()
      texts.push(text)
      return kind
    })
    t.strictSame(
      [...made],
      [
        ['boot-local', 4],
        ['stop', 96],
        ['machines', 1],
        ['attempts', attemptsKept],
      ],
    )
    t.equal(box.count('machine-goes-round'), 1, 'told once')
    t.match(texts.at(-1), /This machine goes round/)
    t.match(texts.at(-1), /Why: it was sent to its own disk time after time .100 boots in /)
    for (const text of texts) {
      t.notMatch(text, /vmlinuz/)
      t.ok(text.endsWith('exit 1\n'))
    }
    t.equal(box.machine.state, 'installed')
    t.match(await box.api.diagnose(box.machine), { verdict: 'goes-round' })
    t.match(await box.api.retry(box.machine.id), { kind: 'done' })
    t.equal(await box.boots(1), 'boot-local')
  },
)

t.test('method ram: the image by every one of them, each of which ends well', async (t) => {
  const box = await OneMachine.open(t)
  const made = await hundred(box, async () => {
    const kind = await box.boots(1)
    await box.runs()
    return kind
  })
  t.strictSame(
    [...made],
    [
      ['run-image', boots],
      ['machines', 1],
      ['attempts', attemptsKept],
    ],
  )
  t.match(box.machine, { state: 'installed', failures: 0 })
})

t.test('method ram: a machine that never gets its kernel is quarantined after three', async (t) => {
  const box = await OneMachine.open(t)
  for (let boot = 1; boot <= 4; boot++) await box.boots(1)
  t.match(await box.api.diagnose(box.machine), { verdict: 'quarantined', before: { verdict: 'no-kernel' } })
  const made = await hundred(box, async () => await box.boots(1))
  t.strictSame(
    [...made],
    [
      ['wait', boots],
      ['machines', 1],
      ['attempts', attemptsKept],
    ],
  )
  t.strictSame(
    box.happened.flatMap((event) => (event.kind === 'script-served' ? event.script : [])).slice(0, 4),
    ['run-image', 'run-image', 'run-image', 'wait'],
  )
  const long = await box.api.diagnose(box.machine)
  t.match(long, { verdict: 'quarantined', because: /^3 attempts in a row failed.*as far as: script$/ })
  t.equal(long.before, undefined, 'what failed is out of sight')
})

t.test(
  'method ram: a script of its own that asks for ever is stopped, and may be let go again',
  async (t) => {
    const box = await OneMachine.open(t)
    await box.boots()
    const kinds = []
    for (let ask = 0; ask < 60; ask++) {
      box.now += 30_000
      kinds.push((await box.asksForScript()).kind)
    }
    const first = kinds.indexOf('stop')
    t.ok(first > 10 && first < 25, `stopped at ask ${first}`)
    t.ok(kinds.slice(first).every((kind) => kind !== 'run-image'))
    t.match(await box.api.retry(box.machine.id), { kind: 'done' })
    t.equal((await box.asksForScript()).kind, 'run-image')
  },
)

for (const [action, settings, once, always] of [
  ['local', {}, 'boot-local', 'run-image'],
  ['image', local, 'run-image', 'boot-local'],
] as const) {
  t.test(`${action} once, asked for before boot 37, is done in boot 37 and in no other`, async (t) => {
    const box = await OneMachine.open(t, settings)
    const other: number[] = []
    for (let boot = 1; boot <= boots; boot++) {
      if (boot === 37) t.match(await box.api.bootNext(box.machine, action), { kind: 'done' })
      if (boot === 37) await box.restart()
      const kind = await box.boots(15)
      if (kind !== always) other.push(boot)
      if (boot === 37) {
        t.equal(kind, once)
        // The answer was lost; chain.ipxe asks again, also after a new start of the box.
        for (let again = 0; again < 3; again++) {
          box.now += 17_000
          await box.restart()
          t.equal((await box.asksForScript()).kind, once, 'the same boot')
        }
      }
      if (kind === 'run-image') await box.runs()
    }
    t.strictSame(other, [37])
    t.equal(box.count('boot-next-used'), 1)
    t.equal(box.machine.bootNext, undefined)
    t.match(box.machine, { state: 'installed', failures: 0 })
  })
}

t.test('local once holds for each network entry that firmware tries before its disk', async (t) => {
  const box = await OneMachine.open(t)
  await box.boots()
  await box.runs()
  await box.api.bootNext(box.machine, 'local')
  box.now += 3_600_000
  for (const firmware of ['discover-uefi-pxe', 'discover-uefi-http']) {
    box.now += 20_000
    box.comesBy(firmware)
    t.equal((await box.asksForScript()).kind, 'boot-local', firmware)
  }
  t.match(box.machine, { state: 'installed' }, 'what its image is, it stays')
  t.equal(await box.boots(1), 'run-image', 'and the first of them again is another boot')
})

t.test('what is wanted once waits for a boot in which it may be done, and can be taken back', async (t) => {
  const box = await OneMachine.open(t, { ...nobody, ...local })
  await box.boots()
  t.match(await box.api.bootNext(box.machine, 'image'), { kind: 'refused', because: /not approved/ })
  t.match(await box.api.bootNext(box.machine, undefined), { kind: 'refused', because: /nothing is wanted/ })
  await box.api.bootNext(box.machine, 'local')
  t.match(box.machine.bootNext, { action: 'local' })
  t.match(await box.api.bootNext(box.machine, undefined), { kind: 'done' })
  t.equal(await box.boots(), 'wait')
  t.strictSame(
    [box.count('boot-next-asked'), box.count('boot-next-dropped'), box.count('boot-next-used')],
    [1, 1, 0],
  )

  const without = await OneMachine.open(t, { ...local, images: [] })
  await without.boots()
  t.match(await without.api.bootNext(without.machine, 'image'), { kind: 'refused', because: /has no image/ })
  t.equal(mac, without.machine.macs[0])
})
