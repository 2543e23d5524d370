import t from 'tap'
import { Logbook, type Shelf } from '../../server/appliance/logbook.ts'
import type { ApplianceEvent, RecordedEvent } from '../../server/events/event.ts'
import type { Machine } from '../../server/machines/machine.ts'
import { noChange, type RosterChange } from '../../server/machines/roster-change.ts'
import { newMachine } from '../../server/machines/seen-machine.ts'
import { aLease, ip, macNumber } from '../networks/a-network.ts'
import { anAttempt } from '../store/records.ts'
import { brokenShelf, FixedShelf, SlowShelf, turns } from './shelves.ts'

function aLogbook(shelf: Shelf, whose: ConstructorParameters<typeof Logbook>[1] = () => ({})) {
  const clock = { now: 1_000 }
  const told: RecordedEvent[] = []
  const logbook = new Logbook(shelf, whose, () => clock.now)
  logbook.subscribe((event) => void told.push(event))
  return { logbook, clock, told, kinds: () => told.map(({ event }) => event.kind) }
}

const ofMachine = () => ({ machine: '0a1b2c3d', attempt: 'a' })

function aMachine(id: string, lastSeenAt: number): Machine {
  return newMachine(id, { mac: macNumber(1) }, lastSeenAt)
}

function changeOf(...machines: readonly Machine[]): RosterChange {
  return { ...noChange, machines }
}

const seed: ApplianceEvent = { kind: 'seed-served', file: 'meta-data' }

t.test('what comes in one turn is written in one transaction, and told when it is written', async (t) => {
  const shelf = new FixedShelf()
  const { logbook, told } = aLogbook(shelf, ofMachine)
  logbook.note(seed)
  const kept = logbook.keep({ ...changeOf(aMachine('m', 1)), happened: [{ ...seed, file: 'user-data' }] }, [
    aLease(),
  ])
  t.strictSame([shelf.commits, told], [[], []], 'not yet')
  await kept
  t.equal(shelf.commits.length, 1)
  t.match(shelf.commits[0], {
    machines: [{ id: 'm' }],
    leases: [{ address: '10.0.0.10' }],
    events: [
      { at: 1_000, machine: '0a1b2c3d', attempt: 'a', event: { file: 'meta-data' } },
      { at: 1_000, machine: '0a1b2c3d', attempt: 'a', event: { file: 'user-data' } },
    ],
  })
  t.strictSame(
    told.map(({ id }) => id),
    [1, 2],
  )
})

t.test('an event is written soon, also when nobody waits for it', async (t) => {
  const shelf = new FixedShelf()
  aLogbook(shelf, ofMachine).logbook.note(seed)
  await turns()
  t.strictSame(shelf.kinds, ['seed-served'])
})

t.test('of a record that changed twice the later form is written', async (t) => {
  const shelf = new FixedShelf()
  const { logbook } = aLogbook(shelf)
  await Promise.all([logbook.keep(changeOf(aMachine('m', 1))), logbook.keep(changeOf(aMachine('m', 2)))])
  t.match(shelf.commits, [{ machines: [{ id: 'm', lastSeenAt: 2 }] }])
  t.equal(shelf.commits.length, 1)
})

t.test('who stopped listening hears nothing more', async (t) => {
  const shelf = new FixedShelf()
  const { logbook, told } = aLogbook(shelf, ofMachine)
  const other: RecordedEvent[] = []
  const stop = logbook.subscribe((event) => void other.push(event))
  logbook.note(seed)
  await logbook.settle()
  stop()
  logbook.note(seed)
  await logbook.settle()
  t.strictSame([told.length, other.length], [2, 1])
})

t.test('a store that cannot write rejects what waits for it, and is told', async (t) => {
  const { logbook, told } = aLogbook(brokenShelf, ofMachine)
  await t.rejects(logbook.keep(noChange, [aLease()]), /the disk is full/)
  t.strictSame(told, [{ id: 0, at: 1_000, event: { kind: 'store-failed', because: 'the disk is full' } }])
  logbook.note(seed)
  await turns()
  t.pass('an event that nobody waits for breaks nothing')
})

t.test('a store that fails for hours is told in a few lines', async (t) => {
  const { logbook, clock, told } = aLogbook(brokenShelf)
  for (let second = 0; second < 60; second++) {
    clock.now += 1_000
    await t.rejects(logbook.keep(noChange, [aLease()]))
  }
  t.ok(told.length >= 3 && told.length <= 10, `${told.length} lines`)
  t.equal(logbook.heldBack, 60 - told.length)
})

t.test(
  'records of a commit that failed are written with the next; its leases and events are not',
  async (t) => {
    const shelf = new SlowShelf()
    const { logbook } = aLogbook(shelf, ofMachine)
    const first = logbook.keep({ ...changeOf(aMachine('m', 1)), happened: [seed] }, [aLease()])
    await turns()
    shelf.waiting[0]?.fail()
    await t.rejects(first, /the disk is full/)
    const second = logbook.settle()
    await turns()
    t.match(shelf.waiting[1]?.entries, { machines: [{ id: 'm' }], leases: [], events: [] })
    shelf.waiting[1]?.store()
    await second
  },
)

t.test('an old form of a record is never written over a newer one', async (t) => {
  const shelf = new SlowShelf()
  const { logbook } = aLogbook(shelf)
  const first = logbook.keep(changeOf(aMachine('m', 1)))
  await turns()
  const second = logbook.keep(changeOf(aMachine('m', 2)))
  await turns()
  const written: (number | undefined)[] = []
  const end = async (how: 'store' | 'fail') => {
    const commit = shelf.waiting.shift()
    if (how === 'store') written.push(commit?.entries.machines[0]?.lastSeenAt)
    commit?.[how]()
    await turns()
  }
  await Promise.all([t.rejects(first), end('fail')])
  while (shelf.waiting.length > 0) await end('store')
  await second
  const third = logbook.settle()
  await turns()
  while (shelf.waiting.length > 0) await end('store')
  await third
  t.equal(
    written.find((form) => form !== undefined),
    2,
  )
  t.notOk(written.includes(1), written.join(', '))
})

t.test('one commit is under way at a time, and what comes meanwhile shares the next', async (t) => {
  const shelf = new SlowShelf()
  const { logbook } = aLogbook(shelf, ofMachine)
  const kept = [logbook.keep(noChange, [aLease()])]
  await turns()
  for (let count = 0; count < 3; count++) {
    kept.push(logbook.keep(noChange, [aLease()]))
    await turns()
  }
  t.equal(shelf.waiting.length, 1)
  shelf.waiting[0]?.store()
  await turns()
  t.equal(shelf.waiting.length, 2)
  t.equal(shelf.waiting[1]?.entries.leases.length, 3)
  shelf.waiting[1]?.store()
  await Promise.all(kept)
})

t.test('ordinary clients of the addresses leave no trace; a machine does', async (t) => {
  const ordinary: readonly ApplianceEvent[] = [
    { kind: 'address-offered', mac: macNumber(1), offered: ip('10.0.0.10'), seconds: 60 },
    { kind: 'address-leased', mac: macNumber(1), leased: ip('10.0.0.10'), seconds: 60, to: 'a system' },
    { kind: 'address-released', mac: macNumber(1), released: ip('10.0.0.10') },
    { kind: 'packet-ignored', mac: macNumber(1), protocol: 'dhcp', because: 'it chose another server' },
  ]
  const strangers = new FixedShelf()
  const machines = new FixedShelf()
  const [stranger, machine] = [aLogbook(strangers), aLogbook(machines, ofMachine)]
  for (const event of ordinary) {
    stranger.logbook.note(event)
    machine.logbook.note(event)
  }
  await turns()
  t.strictSame(strangers.kinds, [])
  t.strictSame(
    machines.kinds,
    ordinary.map(({ kind }) => kind),
    'why a machine on record was not answered is part of its story',
  )
})

t.test('a flood from one stranger becomes three lines and one a minute', async (t) => {
  const shelf = new FixedShelf()
  const { logbook, clock } = aLogbook(shelf)
  const malformed: ApplianceEvent = {
    kind: 'packet-malformed',
    protocol: 'dhcp',
    from: '10.0.0.9:68',
    because: 'it is noise',
  }
  for (let count = 0; count < 1_000; count++) logbook.note(malformed)
  await logbook.settle()
  t.equal(shelf.kinds.length, 3)
  t.equal(logbook.heldBack, 997)
  clock.now += 60_000
  for (let count = 0; count < 1_000; count++) logbook.note(malformed)
  await logbook.settle()
  t.equal(shelf.kinds.length, 4)
})

t.test('a flood from a thousand strangers becomes a hundred lines', async (t) => {
  const shelf = new FixedShelf()
  const { logbook } = aLogbook(shelf)
  for (let number = 0; number < 1_000; number++) {
    logbook.note({ kind: 'would-answer', mac: macNumber(number), client: 'iPXE', answer: 'an address' })
  }
  await logbook.settle()
  t.equal(shelf.kinds.length, 100)
})

t.test('a machine that says too much is held back, its quieter neighbours are not', async (t) => {
  const shelf = new FixedShelf()
  const { logbook } = aLogbook(shelf, ({ mac }) => ({ machine: mac ?? '' }))
  for (let count = 0; count < 2_000; count++) logbook.note({ ...seed, mac: macNumber(1) })
  logbook.note({ ...seed, mac: macNumber(2) })
  for (let count = 0; count < 100; count++) {
    logbook.note({ kind: 'packet-ignored', mac: macNumber(2), protocol: 'dhcp', because: 'it chose another' })
  }
  await logbook.settle()
  t.equal(shelf.kinds.filter((kind) => kind === 'seed-served').length, 601)
  t.equal(shelf.kinds.filter((kind) => kind === 'packet-ignored').length, 10)
})

t.test('what the appliance tells of itself is never held back', async (t) => {
  const shelf = new FixedShelf()
  const { logbook } = aLogbook(shelf)
  const events: readonly ApplianceEvent[] = [
    { kind: 'appliance-started', version: '0.1.0' },
    { kind: 'network-unusable', network: 'rack', interface: 'eth1', because: 'it has no address' },
    { kind: 'job-ran', job: 'sweep-records', outcome: 'done' },
  ]
  for (let count = 0; count < 50; count++) for (const event of events) logbook.note(event)
  await logbook.settle()
  t.equal(shelf.kinds.length, 150)
  t.equal(logbook.heldBack, 0)
})

t.test('that a pool is empty is told for its network, not for every client that asks', async (t) => {
  const { logbook, clock, kinds } = aLogbook(new FixedShelf())
  for (let client = 0; client < 1_000; client++) {
    for (const network of ['rack-1', 'rack-2']) {
      logbook.note({ kind: 'pool-exhausted', network, mac: macNumber(client), because: 'none is free' })
    }
  }
  await logbook.settle()
  t.equal(kinds().length, 10, 'a few for each network')
  t.equal(logbook.heldBack, 1_990)
  clock.now += 60_000
  logbook.note({ kind: 'pool-exhausted', network: 'rack-1', mac: macNumber(1), because: 'none is free' })
  await logbook.settle()
  t.equal(kinds().length, 11, 'and again after a minute')
})

t.test('machines without number cannot fill the disk', async (t) => {
  let count = 0
  const { logbook, clock, kinds } = aLogbook(new FixedShelf(), () => ({ machine: `${count % 15_000}` }))
  for (; count < 150_000; count++) logbook.note(seed)
  await logbook.settle()
  t.equal(kinds().length, 100_000)
  clock.now += 1_000
  for (; count < 151_000; count++) logbook.note(seed)
  await logbook.settle()
  t.equal(kinds().length, 100_200)
})

t.test('what was still to be written of a machine that is forgotten is not written', async (t) => {
  const shelf = new FixedShelf()
  const { logbook } = aLogbook(shelf)
  const attempt = (id: string, machine: string) => anAttempt({ id, machine })
  await Promise.all([
    logbook.keep({
      ...changeOf(aMachine('m', 1), aMachine('n', 1)),
      attempts: [attempt('a', 'm'), attempt('b', 'n')],
    }),
    logbook.keep({ ...noChange, forgotten: ['m'] }),
  ])
  t.match(shelf.commits, [{ machines: [{ id: 'n' }], attempts: [{ id: 'b' }], forgotten: ['m'] }])
  t.equal(shelf.commits[0]?.machines.length, 1)
  t.equal(shelf.commits[0]?.attempts.length, 1)
  await logbook.keep(changeOf(aMachine('n', 2)))
  t.strictSame(shelf.commits[1]?.forgotten, [])
})

t.test('a commit that fails brings no machine back that is forgotten, in it or since', async (t) => {
  const shelf = new SlowShelf()
  const { logbook } = aLogbook(shelf)
  const first = logbook.keep({ ...changeOf(aMachine('m', 1), aMachine('n', 1)), forgotten: ['gone'] })
  await turns()
  const second = logbook.keep({ ...noChange, forgotten: ['m'] })
  shelf.waiting[0]?.fail()
  await t.rejects(first)
  await turns()
  shelf.waiting[1]?.store()
  await second
  t.strictSame(
    shelf.waiting[1]?.entries.machines.map(({ id }) => id),
    ['n'],
  )
  t.strictSame(shelf.waiting[1]?.entries.forgotten.toSorted(), ['gone', 'm'])
})
