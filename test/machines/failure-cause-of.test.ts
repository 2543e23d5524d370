import t from 'tap'
import { failureCauseOf, isOfJoin } from '../../server/machines/failure-cause-of.ts'
import { failureCauses, type FailureCause } from '../../server/machines/failure-causes.ts'
import { transitions } from '../../server/machines/lifecycle.ts'
import { attemptStages } from '../../server/machines/machine.ts'
import { noChange } from '../../server/machines/roster-change.ts'
import { Roster } from '../../server/machines/roster.ts'
import { aMachine } from '../store/records.ts'
import { macNumber } from '../networks/a-network.ts'
import { countingChance, minute, second, seeing } from './sightings.ts'

t.test(
  'whatever makes a boot fail, at whatever stage, has a cause of the list, and each cause is of use',
  (t) => {
    const ways = transitions.filter(({ to }) => to === 'failed')
    t.ok(new Set(ways.map(({ trigger }) => trigger)).size >= 3)
    const join = { cluster: 'lab', role: 'worker', node: 'node-1', since: 1 } as const
    const found = new Set<FailureCause>()
    for (const { from: state, trigger } of ways) {
      for (const stage of [undefined, ...attemptStages]) {
        for (const parts of [
          {},
          { install: { id: '1', attempt: '2', phase: 'written' } },
          ...(['waits', 'refused', 'ordered', 'joined', 'node'] as const).flatMap((phase) => [
            { join: { ...join, phase } },
            { join: { ...join, phase, order: 'init' as const } },
          ]),
        ] as const) {
          found.add(failureCauseOf(trigger, { state, ...parts }, stage))
        }
      }
    }
    t.same(found, new Set(Object.keys(failureCauses)))
    t.end()
  },
)

t.test('what its system may mend by asking again are the causes of a join, and no cause of a boot', (t) => {
  const causes = Object.keys(failureCauses) as FailureCause[]
  t.same(
    causes.filter((cause) => isOfJoin(cause)),
    ['not-fit', 'init-failed', 'join-failed', 'join-silent', 'node-not-ready'],
  )
  t.notOk(isOfJoin(undefined))
  t.end()
})

for (const [phase, cause] of [
  ['waits', 'join-silent'],
  ['refused', 'not-fit'],
  ['ordered', 'join-silent'],
  ['joined', 'node-not-ready'],
] as const) {
  t.test(`a machine whose way into a cluster came as far as ${phase} fails at its time by ${cause}`, (t) => {
    const because = 'its clock is a day behind'
    const join = { cluster: 'lab', role: 'worker', node: 'node-1', phase, since: 1, because } as const
    const roster = new Roster([aMachine({ state: 'joining', stateSince: 0, join })])
    t.strictSame(roster.passTimeLimits(30 * minute), noChange)
    const change = roster.passTimeLimits(30 * minute + 1)
    t.match(change.happened, [{ kind: 'machine-state-changed', to: 'failed', cause }])
    t.match(roster.byId('M0000001')?.stateBecause, /^joining for more than 30 minutes; .*a day behind$/)
    t.end()
  })
}

t.test('a machine that is told to wait for others does not run out of time by it', (t) => {
  const roster = new Roster([aMachine({ state: 'joining', stateSince: 0 })])
  roster.heardOf('M0000001', 20 * minute)
  t.strictSame(roster.passTimeLimits(50 * minute), noChange)
  roster.passTimeLimits(50 * minute + 1)
  t.equal(roster.byId('M0000001')?.state, 'failed')
  t.end()
})

/** A machine that was told to run its image and came so far; the roster, and what it says of the failure. */
function aBoot(...stages: readonly ('kernel' | 'system' | 'cloud-init')[]) {
  const roster = new Roster()
  const see = seeing(roster, countingChance())
  see(1, 'script', 0)
  const { id } = roster.byMac(macNumber(1))!
  roster.move(id, 'approved', 'a rule', 0)
  roster.move(id, 'script-served', 'it was told to run', 0)
  for (const stage of stages) roster.advance(roster.latestAttempt(id)!.id, stage, second)
  return { roster, see, id, failure: () => roster.byId(id)?.failure }
}

for (const [stages, cause] of [
  [[], 'kernel-not-fetched'],
  [['kernel'], 'system-not-started'],
  [['kernel', 'system'], 'cloud-init-not-started'],
  [['kernel', 'system', 'cloud-init'], 'cloud-init-not-finished'],
] as const) {
  t.test(
    `a boot that came as far as ${stages.at(-1) ?? 'its script'} fails by ${cause}, in whatever way it ends`,
    (t) => {
      const silent = aBoot(...stages)
      const change = silent.roster.passTimeLimits(40 * minute)
      t.equal(silent.failure(), cause)
      t.match(change.happened[0], { kind: 'machine-state-changed', to: 'failed', cause })
      if (stages.length === 0) return t.end()
      const again = aBoot(...stages)
      again.see(1, 'firmware', minute)
      t.equal(again.failure(), cause)
      t.end()
    },
  )
}

t.test('a cause stays through quarantine, and goes when the machine may try again or runs its image', (t) => {
  const { roster, id, failure } = aBoot('kernel')
  for (let round = 0; round < 3; round++) {
    roster.move(id, 'script-served', 'it was told to run', round)
    if (round > 0) t.equal(failure(), undefined, 'a boot that is under way has not failed')
    roster.move(id, 'cloud-init-failed', 'it said so', round)
    t.equal(failure(), 'cloud-init-failed')
  }
  t.equal(roster.byId(id)?.state, 'quarantined')
  t.equal(failure(), 'cloud-init-failed')
  roster.move(id, 'retry-asked', 'a person', minute)
  t.equal(failure(), undefined)
  t.end()
})
