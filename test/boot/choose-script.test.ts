import * as fc from 'fast-check'
import { ok } from 'node:assert'
import t from 'tap'
import { chooseScript, type Intent } from '../../server/boot/choose-script.ts'
import type { Machine, MachineState } from '../../server/machines/machine.ts'
import { roundsUntilStop, type Rounds } from '../../server/machines/rounds.ts'
import { newMachine } from '../../server/machines/seen-machine.ts'
import { macNumber } from '../networks/a-network.ts'

const mac = macNumber(1)
const states: readonly MachineState[] = [
  'discovered',
  'approved',
  'installing',
  'installed',
  'joining',
  'active',
  'failed',
  'quarantined',
  'releasing',
  'retired',
]

function aMachine(state: MachineState, changes: Partial<Machine> = {}): Machine {
  const because = 'its disk is broken'
  return { ...newMachine('0a1b2c3d', { mac }, 0), macs: [mac], state, stateBecause: because, ...changes }
}

const around: Rounds = { ways: [], count: roundsUntilStop, since: 0, began: 240_000, latest: 240_000 }

const good: Intent = { approved: true, method: 'ram', image: { kind: 'image', name: 'debian' } }

t.test('an approved machine runs its image from memory', (t) => {
  for (const state of states.filter((state) => state !== 'quarantined' && state !== 'retired')) {
    t.match(chooseScript(aMachine(state), mac, good), { kind: 'run-image', image: 'debian' }, state)
  }
  t.end()
})

t.test('a node whose system is on its disk is never installed again, by whatever means', (t) => {
  const disk = { image: good.image, selector: undefined, by: 'settings', wipe: 'allowed' } as const
  const install = { id: 'i', attempt: 'a', phase: 'installed' } as const
  for (const state of ['joining', 'active', 'releasing'] as const) {
    for (const method of ['disk', 'ram', 'local'] as const) {
      for (const due of [undefined, 'image', 'local'] as const) {
        const intent = { ...good, method, disk }
        const choice = chooseScript(aMachine(state, { install }), mac, intent, due)
        t.equal(choice.kind, 'boot-local', `${state} ${method} ${due}`)
      }
    }
    const lost = chooseScript(aMachine(state), mac, { ...good, method: 'disk', disk }, 'image')
    t.equal(lost.kind, 'boot-local', `${state}, by a box that knows of no install`)
    const stuck = chooseScript(aMachine(state, { install, rounds: around }), mac, { ...good, method: 'disk' })
    t.match(stuck, { kind: 'stop', tried: 'disk' }, state)
  }
  t.end()
})

t.test('a node that runs from memory is given its image again: its system went with its power', (t) => {
  for (const state of ['joining', 'active', 'releasing'] as const) {
    t.equal(chooseScript(aMachine(state), mac, good).kind, 'run-image', state)
  }
  t.end()
})

t.test('a retired machine boots its own disk, whatever rule approves it', (t) => {
  const disk = { image: good.image, selector: undefined, by: 'settings', wipe: 'allowed' } as const
  for (const method of ['disk', 'ram', 'local'] as const) {
    for (const due of [undefined, 'image', 'local'] as const) {
      t.equal(chooseScript(aMachine('retired'), mac, { ...good, method, disk }, due).kind, 'boot-local')
    }
  }
  t.end()
})

t.test('an approved machine with method local boots its own disk, image or not', (t) => {
  const none = { kind: 'none', because: 'the settings name no image for it' } as const
  for (const image of [good.image, none]) {
    t.match(chooseScript(aMachine('approved'), mac, { ...good, method: 'local', image }), {
      kind: 'boot-local',
    })
  }
  t.end()
})

t.test('a machine that is not approved waits, and its screen says how it gets approved', (t) => {
  t.strictSame(chooseScript(aMachine('discovered'), mac, { ...good, approved: false }), {
    kind: 'wait',
    headline: 'This machine waits for approval by Ironwake.',
    because: 'it is not approved',
    nextStep: `On the box: ironwake machines approve ${mac}`,
  })
  t.end()
})

t.test('an approval that does not count is told with the reason, and a claim code names the machine', (t) => {
  const machine = { ...aMachine('discovered'), claim: 'KTW-RXP' }
  t.match(chooseScript(machine, mac, { ...good, approved: false, because: 'its card came later' }), {
    kind: 'wait',
    because: 'it is not approved: its card came later',
    nextStep: 'On the box: ironwake machines approve KTW-RXP',
  })
  t.end()
})

t.test(
  'an approval that is spent leaves the machine to its disk, unless a person wants its image once more',
  (t) => {
    const intent = { ...good, spent: 'it was approved for one run' }
    t.strictSame(chooseScript(aMachine('installed'), mac, intent), {
      kind: 'boot-local',
      because: 'it was approved for one run',
    })
    t.match(chooseScript(aMachine('installed'), mac, intent, 'image'), { kind: 'run-image', once: true })
    t.match(chooseScript(aMachine('discovered'), mac, { ...intent, approved: false }), { kind: 'wait' })
    t.end()
  },
)

t.test('a machine in quarantine waits for a person, however approved, and says why it is there', (t) => {
  t.strictSame(chooseScript(aMachine('quarantined'), mac, good), {
    kind: 'wait',
    headline: 'Ironwake has stopped booting this machine.',
    because: 'it is quarantined: its disk is broken',
    nextStep: 'Mend the cause, then: ironwake machines retry 0a1b2c3d',
  })
  t.end()
})

t.test('an approved machine without an image waits, and says which setting is missing', (t) => {
  const image = { kind: 'none', because: 'the settings name no image for it' } as const
  t.match(chooseScript(aMachine('approved'), mac, { ...good, image }), {
    kind: 'wait',
    because: 'the settings name no image for it',
    nextStep: /Name an image/,
  })
  t.end()
})

t.test('a machine that goes round is told so, why and what to do, and goes to its own disk', (t) => {
  const machine = aMachine('installed', { rounds: around })
  t.strictSame(chooseScript(machine, mac, { ...good, method: 'local' }), {
    kind: 'stop',
    tried: 'disk',
    headline: 'This machine goes round: it starts from the network again and again.',
    because: 'it was sent to its own disk time after time (5 boots in 4 min), and came back',
    nextStep: 'Look whether its disk has a system, and is in the boot order behind the network',
  })
  t.match(chooseScript(machine, mac, good), {
    kind: 'stop',
    tried: 'image',
    because:
      /^it was to run the image debian time after time \(5 boots in 4 min\), and never had its kernel$/,
    nextStep: /ironwake machines retry 0a1b2c3d; or leave it off for 10 minutes$/,
  })
  const once = { ...around, count: roundsUntilStop - 1 }
  t.match(chooseScript(aMachine('installed', { rounds: once }), mac, good), { kind: 'run-image' })
  t.end()
})

t.test('a machine that waits and goes round is told the one and the other', (t) => {
  const image = { kind: 'none', because: 'the settings name no image for it' } as const
  const because = (state: MachineState, intent: Intent) =>
    chooseScript(aMachine(state, { rounds: around }), mac, intent).because
  t.equal(because('discovered', { ...good, approved: false }), 'it is not approved (5 boots in 4 min)')
  t.equal(because('quarantined', good), 'it is quarantined: its disk is broken (5 boots in 4 min)')
  t.equal(because('approved', { ...good, image }), 'the settings name no image for it (5 boots in 4 min)')
  t.end()
})

t.test('what a person wants of one boot comes first, and never gives an image that is not allowed', (t) => {
  const wants = (due: 'local' | 'image', state: MachineState, intent: Intent) =>
    chooseScript(aMachine(state, { rounds: around }), mac, intent, due)
  for (const state of states) {
    for (const approved of [true, false]) {
      t.match(wants('local', state, { ...good, approved }), { kind: 'boot-local', once: true }, state)
    }
  }
  t.match(wants('image', 'installed', { ...good, method: 'local' }), {
    kind: 'run-image',
    image: 'debian',
    once: true,
  })
  t.match(wants('image', 'quarantined', good), { kind: 'wait' })
  t.match(wants('image', 'discovered', { ...good, approved: false }), { kind: 'wait' })
  const image = { kind: 'none', because: 'the settings name no image for it' } as const
  const none = wants('image', 'approved', { ...good, method: 'local', image })
  t.match(none, { kind: 'wait' })
  t.notOk('once' in none, 'it is wanted still')
  t.end()
})

t.test('nothing but an approval, an image and method ram outside of quarantine leads to an image', (t) => {
  const intent = fc.record({
    approved: fc.boolean(),
    method: fc.constantFrom('ram', 'local'),
    image: fc.constantFrom<Intent['image']>(good.image, { kind: 'none', because: 'none' }),
  })
  const wanted = fc.constantFrom(undefined, 'local' as const, 'image' as const)
  const rounds = fc.constantFrom(undefined, around, { ...around, count: 1 })
  fc.assert(
    fc.property(fc.constantFrom(...states), intent, wanted, rounds, (state, intent, due, rounds) => {
      const machine = aMachine(state, rounds === undefined ? {} : { rounds })
      const choice = chooseScript(machine, mac, intent, due)
      const isNode = state === 'joining' || state === 'active' || state === 'releasing'
      const mayRun = state !== 'quarantined' && state !== 'retired' && !(isNode && intent.method !== 'ram')
      const allowed = intent.approved && intent.image.kind === 'image' && mayRun
      const meant = due === 'image' || (due === undefined && intent.method === 'ram' && rounds !== around)
      ok((choice.kind === 'run-image') === (allowed && meant))
      ok('once' in choice ? due !== undefined : due !== 'local')
      ok(choice.because.length > 10 || choice.because.startsWith('none'))
    }),
    { numRuns: 500 },
  )
  t.end()
})
