import { ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import { noChange, type RosterChange } from '../../server/machines/roster-change.ts'
import { Roster } from '../../server/machines/roster.ts'
import { isOnlySeen } from '../../server/machines/sightings.ts'
import { macNumber } from '../networks/a-network.ts'
import { countingChance, kindsOf, minute, second, seeing, uuidNumber } from './sightings.ts'

function aRack(sightings: number) {
  const roster = new Roster([], [], { sightings })
  const see = seeing(roster, countingChance())
  const machine = (number: number) => roster.byMac(macNumber(number))
  return { roster, see, machine }
}

t.test('of machines that were only seen the one that was silent for longest is forgotten first', (t) => {
  const { roster, see, machine } = aRack(3)
  for (const number of [1, 2, 3]) see(number, 'firmware', number * second, { uuid: uuidNumber(number) })
  see(1, 'firmware', 5 * second)
  const [second1, attempt] = [machine(2)!, roster.latestAttempt(machine(2)!.id)!]
  const change = see(4, 'firmware', 6 * second)
  t.strictSame(change.forgotten, [second1.id])
  t.strictSame(kindsOf(change), ['sightings-swept', 'machine-discovered', 'attempt-started'])
  t.match(change.happened[0], { count: 1, kept: 3 })
  t.equal(roster.all().length, 3)
  for (const found of [
    machine(2),
    roster.byId(second1.id),
    roster.byUuid(uuidNumber(2)),
    roster.byClaim(second1.claim ?? ''),
    roster.latestAttempt(second1.id),
    roster.byAttempt(attempt.id),
  ]) {
    t.equal(found, undefined)
  }
  t.strictSame(roster.advance(attempt.id, 'cloud-init', 7 * second), noChange)
  const again = see(2, 'firmware', 8 * second)
  t.ok(kindsOf(again).includes('machine-discovered'), 'it is seen for the first time again')
  t.end()
})

t.test('who came to its script, and showed its code, outlasts all that was only heard', (t) => {
  const { see, machine } = aRack(3)
  see(1, 'script', 0)
  for (let number = 2; number < 100; number++) see(number, 'firmware', number * minute)
  t.ok(machine(1))
  t.ok(machine(99))
  t.notOk(machine(96))
  t.end()
})

t.test('a boot at its script is not broken off; when all records are of such, no other is made', (t) => {
  const { roster, see, machine } = aRack(2)
  see(1, 'script', 0)
  see(2, 'script', 0)
  const change = see(3, 'firmware', second)
  t.strictSame(kindsOf(change), ['packet-ignored'])
  t.strictSame([change.machines, change.forgotten], [[], undefined])
  t.equal(machine(3), undefined)
  roster.end(roster.latestAttempt(machine(2)!.id)!.id, 'local-disk', 'it waits', 2 * second)
  see(3, 'firmware', 3 * second)
  t.ok(machine(3))
  t.notOk(machine(2))
  t.ok(machine(1))
  see(4, 'script', 20 * minute)
  see(5, 'script', 20 * minute)
  t.notOk(machine(1), 'a boot of which nothing was heard for a quarter of an hour is over')
  t.end()
})

t.test('whoever was approved, named, or told what to boot by a person is never forgotten', (t) => {
  const { roster, see, machine } = aRack(2)
  const id = (number: number): string => machine(number)!.id
  see(1, 'firmware', 0)
  roster.approve(id(1), {}, second)
  see(2, 'firmware', 0)
  roster.approve(id(2), {}, second)
  roster.unapprove(id(2), 2 * second)
  see(3, 'firmware', 0)
  roster.rename(id(3), 'node-3')
  see(4, 'firmware', 0)
  roster.bootNext(id(4), 'local', second)
  see(5, 'firmware', 0)
  roster.stands(id(5), macNumber(5), { kind: 'approved', by: 'rule', because: 'a rule' }, second)
  for (let number = 10; number < 30; number++) see(number, 'firmware', number * minute)
  for (const number of [1, 2, 3, 4, 5]) t.ok(machine(number), `${number}`)
  t.equal(roster.all().filter(isOnlySeen).length, 2)
  t.end()
})

t.test('what is forgotten is told once a minute, all of it together', (t) => {
  const { roster, see } = aRack(10)
  const told: RosterChange['happened'][number][] = []
  const hear = ({ happened }: RosterChange) =>
    told.push(...happened.filter(({ kind }) => kind === 'sightings-swept'))
  for (let number = 1; number <= 60; number++) hear(see(number, 'firmware', number * second))
  t.match(told, [{ count: 1 }])
  hear(roster.passTimeLimits(70 * second))
  t.match(told, [{ count: 1 }], 'a minute has not passed')
  hear(roster.passTimeLimits(72 * second))
  t.match(told, [{ count: 1 }, { count: 49 }])
  hear(roster.passTimeLimits(10 * minute))
  t.equal(told.length, 2)
  t.end()
})

t.test('a roster that starts with too many forgets the oldest by when they were last seen', (t) => {
  const { roster, see, machine } = aRack(10)
  for (let number = 1; number <= 5; number++) see(number, 'firmware', number * second)
  see(1, 'firmware', minute)
  const attempts = roster.all().map(({ id }) => roster.latestAttempt(id)!)
  const later = new Roster(roster.all(), attempts, { sightings: 3 })
  const change = seeing(later, countingChance())(6, 'firmware', 20 * minute)
  t.strictSame(
    change.forgotten,
    [2, 3, 4].map((number) => machine(number)?.id),
  )
  t.equal(later.all().length, 3)
  t.ok(later.byMac(macNumber(1)))
  t.end()
})

t.test(
  'a board that takes a card from a record which is forgotten in the same moment brings nothing back',
  (t) => {
    const { roster, see, machine } = aRack(1)
    const twin = { uuid: uuidNumber(1) }
    see(1, 'firmware', 0, { ...twin, serial: 'S1' })
    see(2, 'firmware', second, twin)
    const { id } = machine(1)!
    const change = see(2, 'script', 20 * minute, { ...twin, serial: 'S2' })
    t.strictSame(change.forgotten, [id])
    t.notOk(change.machines.some((one) => one.id === id))
    t.equal(roster.all().length, 1)
    t.equal(roster.byId(id), undefined)
    t.end()
  },
)

t.test('however machines come and go, no more than the limit are only seen, and the maps agree', (t) => {
  const step = fc.record({
    number: fc.integer({ min: 1, max: 30 }),
    uuid: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    serial: fc.option(fc.constantFrom('S1', 'S2'), { nil: undefined }),
    stage: fc.constantFrom('firmware', 'ipxe', 'script', 'system'),
    action: fc.constantFrom('nothing', 'approve', 'unapprove', 'end'),
    after: fc.integer({ min: 0, max: 20 * minute }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { roster, see, machine } = aRack(5)
      const stored = new Map<string, unknown>()
      const keep = (change: RosterChange) => {
        for (const one of change.machines) stored.set(one.id, one)
        for (const id of change.forgotten ?? []) stored.delete(id)
      }
      const approved = new Set<string>()
      let now = 0
      for (const { number, uuid, serial, stage, action, after } of steps) {
        now += after
        const more = {
          ...(uuid === undefined ? {} : { uuid: uuidNumber(uuid) }),
          ...(serial === undefined ? {} : { serial }),
        }
        keep(see(number, stage, now, more))
        const seen = machine(number)
        if (seen !== undefined && action === 'approve') {
          approved.add(seen.id)
          keep(roster.approve(seen.id, {}, now + 1))
        }
        if (seen !== undefined && action === 'unapprove') keep(roster.unapprove(seen.id, now + 2))
        if (seen !== undefined && action === 'end') {
          keep(roster.end(roster.latestAttempt(seen.id)?.id ?? '', 'local-disk', 'so', now))
        }
        ok(roster.all().filter(isOnlySeen).length <= 5)
        for (const id of approved) ok(roster.byId(id) !== undefined)
        ok(stored.size === roster.all().length && roster.all().every((one) => stored.get(one.id) === one))
        for (const one of roster.all()) ok(one.macs.every((mac) => roster.byMac(mac)?.id === one.id))
      }
    }),
  )
  t.end()
})
