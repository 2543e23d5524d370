import { deepStrictEqual, ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import { identityTier } from '../../server/machines/identity-tier.ts'
import { attemptStages } from '../../server/machines/machine.ts'
import { heardAsking } from '../../server/machines/proxy-ladder.ts'
import { joined, noChange, type RosterChange } from '../../server/machines/roster-change.ts'
import { machineLimit, Roster } from '../../server/machines/roster.ts'
import { byteSwapped } from '../../server/wire/uuid.ts'
import { macNumber } from '../networks/a-network.ts'
import { countingChance, kindsOf, minute, second, seeing, uuid, uuidNumber } from './sightings.ts'

function aRack(limits?: { readonly sightings: number }) {
  const roster = new Roster([], [], limits)
  const chance = countingChance()
  const see = seeing(roster, chance)
  const machine = (number: number) => roster.byMac(macNumber(number))!
  const attempt = (number: number) => roster.latestAttempt(machine(number).id)!
  return { roster, chance, see, machine, attempt }
}

t.test('the first sign of firmware makes a record and an attempt', (t) => {
  const { see, machine, attempt } = aRack()
  const change = see(1, 'firmware', 5, { uuid: uuidNumber(1), architecture: 'x64 UEFI', firmware: 'uefi' })
  t.strictSame(kindsOf(change), ['machine-discovered', 'attempt-started'])
  t.match(machine(1), {
    macs: [macNumber(1)],
    uuid: uuidNumber(1),
    state: 'discovered',
    stateSince: 5,
    discoveredAt: 5,
    lastSeenAt: 5,
    failures: 0,
    architecture: 'x64 UEFI',
    firmware: 'uefi',
  })
  t.match(machine(1).id, /^[0-9a-hjkmnp-tv-z]{8}$/)
  t.match(attempt(1), { stage: 'firmware', startedAt: 5, lastSeenAt: 5, endedAt: undefined })
  t.match(attempt(1).id, /^[0-9a-f]{32}$/)
  t.strictSame(change.machines, [machine(1)])
  t.strictSame(change.attempts, [attempt(1)])
  t.end()
})

t.test('a record has a claim code from its first sign on, of its own, and keeps it', (t) => {
  const { roster, see, machine } = aRack()
  for (let number = 1; number <= 40; number++) see(number, 'firmware', number)
  const codes = roster.all().map(({ claim }) => claim)
  t.equal(new Set(codes).size, 40)
  const { claim = '' } = machine(7)
  t.match(claim, /^[A-Z]{3}-[A-Z]{3}$/)
  t.equal(roster.byClaim(claim)?.id, machine(7).id)
  see(7, 'script', minute)
  t.equal(machine(7).claim, claim)
  t.equal(new Roster(roster.all()).byClaim(claim)?.id, machine(7).id)
  t.end()
})

t.test('a record of a time without claim codes gets one when it is seen again', (t) => {
  const { machine, see, roster } = aRack()
  see(1, 'firmware', 0)
  const { claim: _, ...old } = machine(1)
  const later = new Roster([old])
  t.equal(later.byMac(macNumber(1))?.claim, undefined)
  seeing(later, countingChance())(1, 'firmware', minute)
  t.match(later.byMac(macNumber(1))?.claim, /^[A-Z]{3}-[A-Z]{3}$/)
  t.equal(roster.byClaim('none'), undefined)
  t.end()
})

t.test('firmware that asks again and again stays in one attempt', (t) => {
  const { see, attempt } = aRack()
  see(1, 'firmware', 0)
  const first = attempt(1).id
  for (const at of [4, 12, 28, 60]) t.strictSame(kindsOf(see(1, 'firmware', at * second)), [])
  t.equal(attempt(1).id, first)
  t.equal(attempt(1).lastSeenAt, 60 * second)
  t.end()
})

t.test('firmware, iPXE, script, kernel, system and cloud-init are one attempt', (t) => {
  const { see, roster, attempt } = aRack()
  const ids = new Set<string>()
  for (const [index, stage] of attemptStages.slice(0, -1).entries()) {
    see(1, stage, index * second)
    ids.add(attempt(1).id)
    t.equal(attempt(1).stage, stage)
  }
  t.equal(ids.size, 1)
  t.equal(roster.all().length, 1)
  t.end()
})

t.test('a card with iPXE on board begins its attempt by iPXE', (t) => {
  const { see, attempt } = aRack()
  t.strictSame(kindsOf(see(1, 'ipxe', 0)), ['machine-discovered', 'attempt-started'])
  t.strictSame(kindsOf(see(1, 'script', second)), [])
  t.equal(attempt(1).stage, 'script')
  t.end()
})

t.test('a machine that starts again ends its attempt as abandoned and begins another', (t) => {
  const { see, attempt } = aRack()
  see(1, 'firmware', 0)
  see(1, 'ipxe', second)
  const first = attempt(1).id
  const change = see(1, 'firmware', minute)
  t.strictSame(kindsOf(change), ['attempt-ended', 'attempt-started'])
  t.match(change.happened[0], { attempt: first, result: 'abandoned', because: /as far as: ipxe/ })
  t.match(change.happened[1], { attempt: attempt(1).id })
  t.match(change.attempts, [{ id: first, result: 'abandoned', endedAt: minute }, { id: attempt(1).id }])
  t.not(attempt(1).id, first)
  t.end()
})

t.test('the DHCP of a system makes no record, and begins no boot of a recorded machine', (t) => {
  const { roster, see, machine, attempt } = aRack()
  for (const stage of ['kernel', 'system', 'cloud-init', 'ended'] as const) {
    t.strictSame(see(1, stage, 0), noChange, stage)
  }
  t.strictSame(roster.all(), [])
  see(1, 'firmware', 0)
  roster.end(attempt(1).id, 'local-disk', 'it was told so', second)
  const before = attempt(1)
  t.strictSame(kindsOf(see(1, 'system', minute)), [])
  t.strictSame(attempt(1), before)
  t.equal(machine(1).lastSeenAt, minute)
  t.end()
})

t.test('an attempt that is over is found by nobody who knows its number', (t) => {
  const { roster, see, attempt } = aRack()
  see(1, 'script', 0)
  const first = attempt(1).id
  t.match(roster.byAttempt(first), { attempt: { id: first } })
  see(1, 'kernel', second)
  see(1, 'firmware', minute)
  t.equal(roster.byAttempt(first), undefined)
  t.strictSame(roster.advance(first, 'cloud-init', minute), noChange)
  t.strictSame(roster.end(first, 'installed', 'late', minute), noChange)
  t.equal(roster.byAttempt(''), undefined)
  t.equal(roster.byAttempt('0'.repeat(32)), undefined)
  t.end()
})

t.test('an attempt ends once', (t) => {
  const { roster, see, attempt } = aRack()
  see(1, 'script', 0)
  const { id } = attempt(1)
  t.strictSame(kindsOf(roster.end(id, 'installed', 'done', second)), ['attempt-ended'])
  t.strictSame(roster.end(id, 'failed', 'no', 2 * second), noChange)
  t.strictSame(roster.advance(id, 'cloud-init', 2 * second), noChange)
  t.match(attempt(1), { result: 'installed', endedAt: second, stage: 'script' })
  t.end()
})

t.test('a swapped card keeps the record, in either byte order of its UUID', (t) => {
  const { roster, see, machine } = aRack()
  see(1, 'firmware', 0, { uuid: uuidNumber(1) })
  see(2, 'firmware', second, { uuid: byteSwapped(uuidNumber(1)) })
  t.equal(roster.all().length, 1)
  t.strictSame(machine(1).macs, [macNumber(1), macNumber(2)])
  t.equal(machine(2).id, machine(1).id)
  t.equal(machine(1).uuid, uuidNumber(1))
  t.end()
})

t.test('a UUID that the maker left unwritten is not kept, so that the right one can take its place', (t) => {
  const { see, machine } = aRack()
  see(1, 'firmware', 0, { uuid: uuid('00000000-0000-0000-0000-000000000000') })
  t.equal(machine(1).uuid, undefined)
  see(2, 'firmware', 0, { uuid: uuid('00000000-0000-0000-0000-000000000000') })
  t.not(machine(2).id, machine(1).id)
  see(1, 'script', second, { uuid: uuidNumber(1) })
  t.equal(machine(1).uuid, uuidNumber(1))
  t.end()
})

t.test('two boards with one UUID part as soon as their serials are known', (t) => {
  const { roster, see, machine, attempt } = aRack()
  const twin = { uuid: uuidNumber(1) }
  see(1, 'firmware', 0, twin)
  see(1, 'script', second, { ...twin, serial: 'S1' })
  roster.end(attempt(1).id, 'local-disk', 'it waits', 2 * second)
  see(2, 'firmware', minute, twin)
  t.equal(machine(2).id, machine(1).id, 'DHCP shows no serial')
  const change = see(2, 'script', minute + second, { ...twin, serial: 'S2' })
  t.strictSame(kindsOf(change), ['machine-discovered', 'machine-clash', 'attempt-started'])
  t.not(machine(2).id, machine(1).id)
  t.match(machine(1), { macs: [macNumber(1)], serial: 'S1' })
  t.match(machine(2), { macs: [macNumber(2)], serial: 'S2', state: 'discovered' })
  t.strictSame(change.machines, [machine(1), machine(2)])

  see(2, 'firmware', 2 * minute, twin)
  see(1, 'firmware', 2 * minute, twin)
  t.match(machine(1).macs, [macNumber(1)])
  t.match(machine(2).macs, [macNumber(2)])
  t.end()
})

t.test('a board with the UUID of a machine that runs neither joins its record nor ends its boot', (t) => {
  const { see, machine, attempt } = aRack()
  const twin = { uuid: uuidNumber(1) }
  see(1, 'script', 0, twin)
  see(1, 'kernel', second, twin)
  const running = attempt(1)
  const change = see(2, 'firmware', minute, twin)
  t.strictSame(kindsOf(change), ['machine-discovered', 'machine-clash', 'attempt-started'])
  t.not(machine(2).id, machine(1).id)
  t.strictSame(attempt(1), running)
  t.end()
})

t.test('a clash is told once in each boot', (t) => {
  const { roster, see, attempt } = aRack()
  see(1, 'firmware', 0, { uuid: uuidNumber(1) })
  see(2, 'firmware', 0, { uuid: uuidNumber(2) })
  const clashes = (change: RosterChange) => kindsOf(change).filter((kind) => kind === 'machine-clash').length
  t.equal(clashes(see(1, 'firmware', second, { uuid: uuidNumber(2) })), 1)
  t.equal(clashes(see(1, 'firmware', second, { uuid: uuidNumber(2) })), 0)
  t.equal(clashes(see(1, 'ipxe', second, { uuid: uuidNumber(2) })), 0)
  roster.end(attempt(1).id, 'local-disk', 'over', 2 * second)
  t.equal(clashes(see(1, 'firmware', minute, { uuid: uuidNumber(2) })), 1)
  t.end()
})

t.test('one copied UUID brings no more than 32 cards to a record', (t) => {
  const { roster, see, machine } = aRack()
  for (let number = 1; number <= 40; number++) see(number, 'firmware', number, { uuid: uuidNumber(1) })
  t.equal(roster.all().length, 1)
  t.equal(machine(1).macs.length, 32)
  t.end()
})

function approvedAndInstalling(number: number, rack: ReturnType<typeof aRack>, at: number): RosterChange {
  const { roster, see, machine } = rack
  const seen = see(number, 'script', at)
  return joined(
    seen,
    roster.move(machine(number).id, 'approved', 'a rule', at),
    roster.move(machine(number).id, 'script-served', 'it was told to run', at),
  )
}

t.test('an install that lasts half an hour has failed, and says how far it came', (t) => {
  const rack = aRack()
  const { roster, see, machine, attempt } = rack
  approvedAndInstalling(1, rack, 0)
  see(1, 'kernel', second)
  t.strictSame(roster.passTimeLimits(30 * minute), noChange)
  const change = roster.passTimeLimits(30 * minute + 1)
  t.strictSame(kindsOf(change), ['machine-state-changed', 'attempt-ended'])
  t.match(machine(1), {
    state: 'failed',
    failures: 1,
    stateBecause: 'installing for more than 30 minutes; the boot came as far as: kernel',
  })
  t.match(attempt(1), { result: 'failed' })
  t.strictSame(roster.passTimeLimits(90 * minute), noChange)
  t.end()
})

t.test('a machine that waits for a file, or is sent one, is given the time that takes', (t) => {
  const rack = aRack()
  const { roster, machine, attempt } = rack
  approvedAndInstalling(1, rack, 0)
  const { id } = attempt(1)
  for (let at = minute; at <= 120 * minute; at += minute) {
    t.strictSame(kindsOf(roster.fetching(id, at)), [])
    t.strictSame(roster.passTimeLimits(at), noChange)
  }
  t.match(attempt(1), { stage: 'script', lastSeenAt: 120 * minute })
  t.strictSame(roster.passTimeLimits(150 * minute), noChange)
  roster.passTimeLimits(150 * minute + 1)
  t.match(machine(1), { state: 'failed', failures: 1 })
  t.strictSame(roster.fetching(id, 151 * minute), noChange, 'what is over stays over')
  t.end()
})

t.test('fetching its script over and over gives a machine no more time', (t) => {
  const rack = aRack()
  const { roster, machine, see } = rack
  approvedAndInstalling(1, rack, 0)
  for (let at = minute; at <= 30 * minute; at += minute) {
    see(1, 'script', at)
    roster.move(machine(1).id, 'script-served', 'it was told to run', at)
  }
  roster.passTimeLimits(30 * minute + 1)
  t.match(machine(1), { state: 'failed', failures: 1 })
  t.end()
})

t.test('an image that crashes and starts again puts its machine into quarantine, with the cause', (t) => {
  const rack = aRack()
  const { see, machine } = rack
  for (let round = 0; round < 3; round++) {
    const at = round * 2 * minute
    t.not(machine(1)?.state, 'quarantined')
    see(1, 'ipxe', at)
    approvedAndInstalling(1, rack, at + second)
    see(1, 'kernel', at + 2 * second)
  }
  const change = see(1, 'ipxe', 6 * minute)
  t.strictSame(kindsOf(change), [
    'attempt-ended',
    'machine-state-changed',
    'machine-state-changed',
    'attempt-started',
  ])
  t.match(machine(1), {
    state: 'quarantined',
    failures: 3,
    stateBecause: /^3 attempts in a row failed, the last because: the machine started again after .*kernel$/,
  })
  t.end()
})

t.test('three failures in a row lead to quarantine, and a person out of it', (t) => {
  const rack = aRack()
  const { roster, machine } = rack
  for (let failure = 1; failure <= 3; failure++) {
    approvedAndInstalling(1, rack, failure * minute)
    const change = roster.move(machine(1).id, 'cloud-init-failed', 'no disk', failure * minute + second)
    t.equal(machine(1).failures, failure)
    t.equal(machine(1).state, failure === 3 ? 'quarantined' : 'failed')
    t.equal(kindsOf(change).length, failure === 3 ? 2 : 1)
    t.strictSame(change.machines, [machine(1)])
  }
  t.match(machine(1).stateBecause, '3 attempts in a row failed, the last because: no disk')
  t.strictSame(roster.move(machine(1).id, 'script-served', 'no', 0), noChange)
  t.strictSame(roster.move(machine(1).id, 'approved', 'no', 0), noChange)
  roster.move(machine(1).id, 'retry-asked', 'a person', 9 * minute)
  t.match(machine(1), { state: 'approved', failures: 0, stateSince: 9 * minute })
  t.end()
})

t.test('a success between failures begins the count anew', (t) => {
  const rack = aRack()
  const { roster, machine } = rack
  for (const trigger of [
    'cloud-init-failed',
    'cloud-init-failed',
    'cloud-init-finished',
    'cloud-init-failed',
  ] as const) {
    approvedAndInstalling(1, rack, 0)
    roster.move(machine(1).id, trigger, 'so', second)
  }
  t.match(machine(1), { state: 'failed', failures: 1 })
  t.end()
})

t.test('a trigger that the table does not know, or a machine nobody knows, changes nothing', (t) => {
  const { roster, see, machine } = aRack()
  see(1, 'firmware', 0)
  const before = machine(1)
  t.strictSame(roster.move(machine(1).id, 'script-served', 'not approved', second), noChange)
  t.strictSame(roster.move('nobody00', 'approved', 'x', second), noChange)
  t.strictSame(machine(1), before)
  t.end()
})

t.test('no more machines are recorded than the limit; the known ones go on', (t) => {
  const { roster, see, machine } = aRack({ sightings: machineLimit + 1 })
  for (let number = 1; number <= machineLimit; number++) see(number, 'firmware', 0)
  t.equal(roster.all().length, machineLimit)
  const change = see(machineLimit + 1, 'firmware', 0)
  t.strictSame(kindsOf(change), ['packet-ignored'])
  t.match(change.happened[0], { because: /as many machines are recorded already as may be/ })
  t.strictSame([change.machines, change.attempts], [[], []])
  t.equal(roster.all().length, machineLimit)
  t.match(see(1, 'ipxe', second).machines, [{ id: machine(1).id }])
  t.end()
})

t.test('an identifier that chance repeats is not given twice', (t) => {
  const roster = new Roster()
  let call = 0
  const chance = (count: number) => new Uint8Array(count).fill([1, 2, 1, 3, 4][call++] ?? 9)
  seeing(roster, chance)(1, 'firmware', 0)
  seeing(roster, chance)(2, 'firmware', 0)
  t.strictSame(
    roster.all().map(({ id }) => id),
    ['11111111', '33333333'],
  )
  t.end()
})

t.test('joining changes keeps the later form of a record and every event', (t) => {
  const rack = aRack()
  const change = approvedAndInstalling(1, rack, 0)
  t.strictSame(change.machines, [rack.machine(1)])
  t.strictSame(kindsOf(change), [
    'machine-discovered',
    'attempt-started',
    'machine-state-changed',
    'machine-state-changed',
  ])
  t.end()
})

t.test('what is told to the store makes, after a restart, the same roster', (t) => {
  const step = fc.record({
    number: fc.integer({ min: 1, max: 6 }),
    uuid: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    serial: fc.option(fc.constantFrom('S1', 'S2', 'S3'), { nil: undefined }),
    stage: fc.constantFrom(...attemptStages),
    move: fc.option(
      fc.constantFrom('approved', 'script-served', 'cloud-init-failed', 'cloud-init-finished', 'retry-asked'),
      { nil: undefined },
    ),
    later: fc.integer({ min: 0, max: 20 * minute }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { roster, see } = aRack()
      const machines = new Map<string, object>()
      const attempts = new Map<string, object>()
      let now = 0
      const keep = (change: RosterChange) => {
        for (const machine of change.machines) machines.set(machine.id, machine)
        for (const attempt of change.attempts) attempts.set(attempt.machine, attempt)
      }
      for (const { number, stage, move, later, serial, uuid } of steps) {
        now += later
        keep(see(number, stage, now, { serial, uuid: uuid === undefined ? undefined : uuidNumber(uuid) }))
        const machine = roster.byMac(macNumber(number))
        if (machine !== undefined && move !== undefined) keep(roster.move(machine.id, move, 'so', now))
        keep(roster.passTimeLimits(now))
      }
      deepStrictEqual([...machines.values()], roster.all())
      const owners = roster.all().flatMap(({ macs }) => macs)
      deepStrictEqual(new Set(owners).size, owners.length, 'no card stands on two records')
      for (const machine of roster.all()) {
        deepStrictEqual(attempts.get(machine.id), roster.latestAttempt(machine.id))
        for (const mac of machine.macs) deepStrictEqual(roster.byMac(mac)?.id, machine.id)
        ok(machine.failures <= 3)
      }
    }),
    { numRuns: 500 },
  )
  t.end()
})

t.test(
  'what was learnt of firmware in mode proxy stands in the record, and is proven by a whole file',
  (t) => {
    const { roster, chance, see, machine } = aRack()
    const mac = macNumber(1)
    const { ladder } = heardAsking(undefined, { mac, xid: 1, secs: 0, at: 0 })
    const sign = { stage: 'firmware', because: 'it asked', sighting: { mac } } as const
    const change = roster.see({ ...sign, proxy: ladder }, 0, chance)
    t.strictSame(change.machines, [machine(1)])
    t.strictSame(machine(1).proxy, ladder)
    see(1, 'firmware', 4 * second)
    t.strictSame(machine(1).proxy, ladder, 'a sign that teaches nothing leaves it')
    t.match(roster.knownAs({ mac }, 5 * second), { proxy: ladder })
    t.match(roster.fetched(mac, 'part').machines, [{ proxy: { trial: { fetched: true }, worked: false } }])
    const whole = roster.fetched(mac, 'whole')
    t.match(whole, {
      machines: [{ proxy: { strategy: 'with-43', worked: true } }],
      happened: [{ kind: 'proxy-strategy-worked', mac, strategy: 'with-43' }],
    })
    t.strictSame(whole.machines, [machine(1)])
    t.strictSame(roster.fetched(mac, 'whole'), noChange, 'the next file is no news')
    t.strictSame(roster.fetched(macNumber(9), 'whole'), noChange)
    t.end()
  },
)

t.test('a machine that comes as far as iPXE has loaded what it was offered, also when nobody saw it', (t) => {
  const { roster, chance, see, machine } = aRack()
  const mac = macNumber(1)
  const { ladder } = heardAsking(undefined, { mac, xid: 1, secs: 0, at: 0 })
  roster.see({ stage: 'firmware', because: 'it asked', sighting: { mac }, proxy: ladder }, 0, chance)
  see(1, 'ipxe', 20 * second)
  t.match(machine(1).proxy, { worked: false, trial: { fetched: true } })
  const again = heardAsking(machine(1).proxy, { mac, xid: 2, secs: 0, at: 10 * minute })
  t.equal(again.change, undefined)
  t.end()
})

t.test('a card that is new to a machine has what was learnt of the machine', (t) => {
  const { roster, chance } = aRack()
  const proxy = { strategy: 'boot-server', worked: true, failures: 0 } as const
  const sighting = { mac: macNumber(1), uuid: uuidNumber(1) }
  roster.see({ stage: 'firmware', because: 'it asked', sighting, proxy }, 0, chance)
  t.match(roster.knownAs({ mac: macNumber(2), uuid: uuidNumber(1) }, 20 * minute), { proxy })
  t.equal(roster.knownAs({ mac: macNumber(3) }, 0), undefined)
  t.end()
})

t.test('an iPXE in the ROM that comes back after its script was told to run counts as a failed boot', (t) => {
  const rack = aRack()
  const { see, machine } = rack
  for (let round = 0; round < 3; round++) {
    t.not(machine(1)?.state, 'quarantined')
    see(1, 'ipxe', round * minute)
    approvedAndInstalling(1, rack, round * minute + second)
  }
  see(1, 'ipxe', 3 * minute)
  t.match(machine(1), { state: 'quarantined', failures: 3, stateBecause: /as far as: script$/ })
  t.end()
})

/** Boots by PXE and then by HTTP, as firmware does that finds nothing on its disk. */
function walkNowhere(
  { see, roster, attempt }: ReturnType<typeof aRack>,
  at: number,
): readonly RosterChange[] {
  return ['x64 UEFI', 'x64 UEFI HTTP'].flatMap((architecture, index) => {
    const begins = at + index * 20 * second
    const changes = [
      see(1, 'firmware', begins, { architecture }),
      see(1, 'ipxe', begins + second),
      see(1, 'script', begins + 2 * second),
    ]
    roster.end(attempt(1).id, 'local-disk', 'so', begins + 3 * second)
    return changes
  })
}

t.test('walks through the boot order that lead nowhere are counted, and told of once', (t) => {
  const rack = aRack()
  const told = [0, 1, 2, 3, 4, 5, 6].map((walk) => {
    const changes = walkNowhere(rack, walk * minute)
    t.equal(rack.machine(1).rounds?.count, walk + 1)
    return changes.flatMap(({ happened }) => happened).filter(({ kind }) => kind === 'machine-goes-round')
  })
  t.strictSame(
    told.map((events) => events.length),
    [0, 0, 0, 0, 1, 0, 0],
  )
  t.match(told[4], [{ mac: macNumber(1), boots: 5, seconds: 240 }])
  t.end()
})

t.test('a kernel, a system that asks for an address and a person each end the count', (t) => {
  const rack = aRack()
  const { roster, see, machine, attempt } = rack
  walkNowhere(rack, 0)
  walkNowhere(rack, minute)
  const system = see(1, 'system', 2 * minute)
  t.equal(machine(1).rounds, undefined)
  t.strictSame(system.machines, [machine(1)])
  see(1, 'firmware', 3 * minute)
  t.equal(machine(1).rounds?.count, 1)
  const kernel = roster.advance(attempt(1).id, 'kernel', 4 * minute)
  t.equal(machine(1).rounds, undefined)
  t.strictSame(kernel.machines, [machine(1)])
  walkNowhere(rack, 5 * minute)
  t.strictSame(roster.forgetRounds(machine(1).id).machines, [machine(1)])
  t.equal(machine(1).rounds, undefined)
  t.strictSame(roster.forgetRounds(machine(1).id), noChange)
  t.end()
})

t.test(
  'one boot asks for its script again and again without a new walk, until it has lasted too long',
  (t) => {
    const { see, machine } = aRack()
    see(1, 'firmware', 0)
    for (let at = 10; at <= 120; at += 10) see(1, 'script', at * second)
    t.equal(machine(1).rounds?.count, 1)
    see(1, 'script', 130 * second)
    t.equal(machine(1).rounds?.count, 2)
    t.end()
  },
)

t.test('what a person wants of the next boot is kept until that boot, and told at each step', (t) => {
  const { roster, see, machine, attempt } = aRack()
  see(1, 'firmware', 0)
  const { id } = machine(1)
  t.match(roster.bootNext(id, 'local', 5), {
    machines: [{ bootNext: { action: 'local', askedAt: 5 } }],
    happened: [{ kind: 'boot-next-asked', action: 'local' }],
  })
  const boot = { attempt: attempt(1).id, walk: 0 }
  const used = roster.usedBootNext(id, boot)
  t.match(used.happened, [{ kind: 'boot-next-used', action: 'local', attempt: boot.attempt }])
  t.strictSame(used.machines, [machine(1)])
  t.strictSame(roster.usedBootNext(id, boot), noChange, 'the same boot asks again')
  t.match(roster.usedBootNext(id, { attempt: 'other', walk: 9 }), { machines: [{ id }], happened: [] })
  t.equal(machine(1).bootNext, undefined)
  t.strictSame(roster.usedBootNext(id, boot), noChange)

  t.strictSame(roster.bootNext(id, undefined, 6), noChange, 'nothing to take back')
  roster.bootNext(id, 'image', 7)
  t.match(roster.bootNext(id, undefined, 8).happened, [{ kind: 'boot-next-dropped', action: 'image' }])
  t.equal(machine(1).bootNext, undefined)
  t.strictSame(roster.bootNext('nobody00', 'local', 9), noChange)
  t.end()
})

t.test('an iPXE that came to its script has one with HTTP', (t) => {
  const { roster, see, chance, machine } = aRack()
  const chained = { xid: 7, count: 2, latest: 0 }
  const sighting = { mac: macNumber(1) }
  roster.see({ stage: 'ipxe', because: 'it asked', sighting, chained }, 0, chance)
  t.strictSame(machine(1).chained, chained)
  see(1, 'ipxe', second)
  t.strictSame(machine(1).chained, chained)
  see(1, 'script', 2 * second)
  t.equal(machine(1).chained, undefined)
  t.end()
})

t.test('that its code was compared stays with an approval that keeps the disk, for the same cards', (t) => {
  const { roster, see, machine } = aRack()
  see(1, 'script', 0, { uuid: uuidNumber(1) })
  const { id } = machine(1)
  roster.approve(id, { claim: 'compared' }, 5)
  roster.approve(id, { hostname: 'node-1' }, 9, 'keep')
  t.match(machine(1).approval, { at: 9, claim: 'compared', claimedAt: 5 })
  t.equal(identityTier(machine(1)).tier, 'claim')
  roster.approve(id, { hostname: 'node-2' }, 10)
  t.equal(machine(1).approval?.claim, undefined, 'another install is to be claimed anew')
  roster.approve(id, { claim: 'compared' }, 11)
  see(2, 'script', minute * 20, { uuid: uuidNumber(1) })
  t.equal(machine(2).id, id)
  roster.approve(id, {}, minute * 21, 'keep')
  t.equal(machine(1).approval?.claim, undefined, 'a card has come to it')
  t.end()
})

t.test('a machine that was retired is to be claimed anew when it comes back', (t) => {
  const { roster, see, machine } = aRack()
  see(1, 'script', 0, { uuid: uuidNumber(1) })
  const { id } = machine(1)
  roster.approve(id, { claim: 'compared', hostname: 'node-1' }, 5)
  for (const trigger of ['script-served', 'cloud-init-finished', 'release-asked', 'retired'] as const)
    roster.move(id, trigger, 'a test', 6)
  t.match(machine(1), { state: 'retired', approval: { hostname: 'node-1' } })
  t.equal(machine(1).approval?.claim, undefined)
  roster.move(id, 'retry-asked', 'a test', 7)
  t.equal(identityTier(machine(1)).tier, 'smbios')
  t.end()
})

t.test(
  'a later boot forgets what the one before had shown, and a system on the disk forgets nothing',
  (t) => {
    const { see, machine } = aRack()
    see(1, 'firmware', 0, { uuid: uuidNumber(1) })
    see(1, 'script', second, { serial: 'S1' })
    t.strictSame(machine(1).shown, { mac: macNumber(1), uuid: uuidNumber(1), serial: 'S1' })
    see(1, 'system', minute)
    t.match(machine(1).shown, { uuid: uuidNumber(1) })
    see(1, 'firmware', 20 * minute)
    t.strictSame(machine(1).shown, { mac: macNumber(1) })
    t.end()
  },
)

t.test('a UUID that is on another record too ties a machine to neither', (t) => {
  const { see, machine } = aRack()
  see(1, 'firmware', 0, { uuid: uuidNumber(1) })
  see(2, 'firmware', 0, { uuid: uuidNumber(2) })
  see(2, 'firmware', second, { uuid: uuidNumber(1) })
  t.match(machine(2).shown, { alsoOf: machine(1).id })
  t.equal(identityTier(machine(2)).tier, 'mac')
  t.equal(identityTier(machine(1)).tier, 'smbios')
  t.end()
})
