import t from 'tap'
import {
  stateMeanings,
  timeLimitMs,
  transition,
  transitions,
  triggerMeanings,
  type Trigger,
} from '../../server/machines/lifecycle.ts'
import type { MachineState } from '../../server/machines/machine.ts'
import { noChange } from '../../server/machines/roster-change.ts'
import { Roster } from '../../server/machines/roster.ts'
import { aMachine } from '../store/records.ts'

const states = Object.keys(stateMeanings) as MachineState[]
const triggers = Object.keys(triggerMeanings) as Trigger[]

t.test('the table speaks of every state and of nine triggers or more', (t) => {
  t.same(new Set(transitions.flatMap(({ from, to }) => [from, to])), new Set(states))
  t.ok(triggers.length >= 9, triggers.join(', '))
  t.end()
})

for (const from of states) {
  for (const trigger of triggers) {
    const to = transitions.find((entry) => entry.from === from && entry.trigger === trigger)?.to
    t.test(
      `a machine that is ${from} ${to === undefined ? 'stays so' : `becomes ${to}`} by ${trigger}`,
      (t) => {
        const before = aMachine({ state: from, stateBecause: 'before', stateSince: 1 })
        const roster = new Roster([before])
        const change = roster.move(before.id, trigger, 'the reason', 9)
        const after = roster.byId(before.id)
        if (to === undefined) {
          t.strictSame(change, noChange)
          t.equal(after, before)
        } else if (to === from) {
          t.match(after, { state: from, stateBecause: 'the reason', stateSince: 1 })
          t.strictSame(change.happened, [], 'that it stays what it is is no news')
        } else {
          t.match(after, { state: to, stateBecause: 'the reason', stateSince: 9 })
          t.match(change.happened, [{ kind: 'machine-state-changed', from, to, because: 'the reason' }])
        }
        t.end()
      },
    )
  }
}

t.test('every pair that is not in the table is refused, and told why', (t) => {
  let refused = 0
  for (const from of states) {
    for (const trigger of triggers) {
      if (transitions.some((entry) => entry.from === from && entry.trigger === trigger)) continue
      refused++
      t.strictSame(transition(from, trigger), {
        kind: 'refused',
        because: `${trigger} does nothing to a machine that is ${from}`,
      })
    }
  }
  t.equal(refused, states.length * triggers.length - transitions.length)
  t.ok(refused > 20, `${refused} pairs`)
  t.end()
})

t.test('no state and trigger lead to two places', (t) => {
  const pairs = transitions.map(({ from, trigger }) => `${from} ${trigger}`)
  t.equal(new Set(pairs).size, pairs.length)
  t.end()
})

t.test('every state can be reached from the first, and none is a dead end', (t) => {
  const reached = new Set<MachineState>(['discovered'])
  for (const from of reached) {
    for (const entry of transitions) if (entry.from === from) reached.add(entry.to)
  }
  t.same(reached, new Set(states))
  for (const state of states)
    t.ok(
      transitions.some(({ from, to }) => from === state && to !== state),
      state,
    )
  t.end()
})

t.test('out of quarantine leads a person, and nothing else', (t) => {
  const ways: readonly Trigger[] = transitions
    .filter(({ from }) => from === 'quarantined')
    .map(({ trigger }) => trigger)
  t.strictSame(ways, ['retry-asked', 'reinstall-asked', 'release-asked'])
  t.end()
})

t.test('nothing is installed before it was approved', (t) => {
  const reached = new Set<MachineState>(['discovered'])
  for (const from of reached) {
    for (const entry of transitions) {
      if (entry.from === from && entry.trigger !== 'approved') reached.add(entry.to)
    }
  }
  t.same(reached, new Set(['discovered']))
  t.end()
})

t.test('every state in which the box waits for a machine has a limit, and a way out of it', (t) => {
  t.strictSame(Object.keys(timeLimitMs), ['installing', 'joining', 'releasing'])
  for (const state of Object.keys(timeLimitMs) as MachineState[]) {
    t.strictSame(transition(state, 'time-limit-passed'), { kind: 'moved', to: 'failed' })
  }
  t.end()
})

t.test('active leads from nowhere but the API of a cluster, or a release that did not go through', (t) => {
  const ways = transitions.filter(({ from, to }) => to === 'active' && from !== 'active')
  t.same(new Set(ways.map(({ trigger }) => trigger)), new Set(['node-ready', 'release-stopped']))
  t.ok(ways.length >= 3)
  t.end()
})

t.test(
  'no rule and no boot brings a retired machine back, nor takes a node of a cluster from its state',
  (t) => {
    const by = (state: MachineState): readonly Trigger[] =>
      transitions.filter(({ from, to }) => from === state && to !== state).map(({ trigger }) => trigger)
    t.strictSame(by('retired'), ['retry-asked'])
    t.notOk(by('active').includes('approval-withdrawn'))
    t.notOk(by('active').includes('approved'))
    t.end()
  },
)

t.test(
  'what is over takes the way into a cluster along, and a disk that is let go may be written again, unless its machine is retired',
  (t) => {
    const join = { cluster: 'lab', role: 'worker', node: 'node-1', phase: 'node', since: 1 } as const
    const install = { id: 'i1', attempt: 'a1', phase: 'installed' } as const
    for (const [from, trigger, phase] of [
      ['releasing', 'released', 'begun'],
      ['releasing', 'retired', undefined],
      ['active', 'node-gone', 'installed'],
      ['active', 'reinstall-asked', 'installed'],
    ] as const) {
      const roster = new Roster([aMachine({ state: from, join, install })])
      roster.move('M0000001', trigger, 'the reason', 9)
      t.notOk('join' in (roster.byId('M0000001') ?? { join }), trigger)
      t.equal(roster.byId('M0000001')?.install?.phase, phase, trigger)
    }
    t.end()
  },
)
