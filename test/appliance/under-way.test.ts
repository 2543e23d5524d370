import t from 'tap'
import { Logbook, type Shelf } from '../../server/appliance/logbook.ts'
import { underWay } from '../../server/appliance/under-way.ts'
import { Roster } from '../../server/machines/roster.ts'
import type { Lease } from '../../server/networks/lease.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import { countingChance, seeing } from '../machines/sightings.ts'
import { aNetwork, ip, macNumber } from '../networks/a-network.ts'
import { brokenShelf, FixedShelf } from './shelves.ts'

const minute = 60_000
const address = ip('10.0.0.10')
const lease: Lease = {
  network: 'rack',
  address,
  mac: macNumber(1),
  state: 'leased',
  since: 0,
  endsAt: 2 * minute,
  hostname: undefined,
}
const queued = { kind: 'queued', from: address, to: '10.0.0.1', file: 'debian/vmlinuz', ahead: 7 } as const

function aBox(shelf: Shelf = new FixedShelf(), changes: Partial<Lease> = {}) {
  const clock = { now: minute }
  const network = aNetwork({ name: 'rack' })
  const roster = new Roster()
  seeing(roster, countingChance())(1, 'script', 0)
  const leases = new LeaseTable([network])
  leases.load([{ ...lease, ...changes }], 0)
  const logbook = new Logbook(
    shelf,
    () => ({}),
    () => clock.now,
  )
  const holderOf = (asked: string) => (asked === address ? macNumber(1) : undefined)
  const parts = { roster, logbook, leases, networks: [network], holderOf, now: () => clock.now }
  const endsAt = () => leases.leaseAt('rack', address)?.endsAt
  return { parts, clock, endsAt, settled: async () => await logbook.settle().catch(() => {}) }
}

t.test('who waits is told of, with how many are before it, and its boot is not idle', async (t) => {
  const shelf = new FixedShelf()
  const { parts, settled } = aBox(shelf)
  underWay(parts, queued)
  underWay(parts, { ...queued, kind: 'going-out', byteCount: 5, ofBytes: 9 })
  await settled()
  t.match(shelf.commits, [
    {
      attempts: [{ stage: 'script', lastSeenAt: minute }],
      events: [
        { event: { kind: 'file-queued', address, file: 'debian/vmlinuz', ahead: 7 } },
        { event: { kind: 'file-going-out', address, file: 'debian/vmlinuz', byteCount: 5, ofBytes: 9 } },
      ],
    },
  ])
})

t.test('its address stays its own for as long as it waits, and its last lease is on disk', async (t) => {
  const shelf = new FixedShelf()
  const { parts, clock, endsAt, settled } = aBox(shelf)
  for (; clock.now < 90 * minute; clock.now += minute) {
    underWay(parts, queued)
    await settled()
    t.ok((endsAt() ?? 0) > clock.now + minute, `after ${clock.now / minute} minutes`)
  }
  const written = shelf.commits.flatMap(({ leases }) => leases)
  t.ok(written.length > 10 && written.length < 45, `${written.length} writes in 90 minutes`)
  t.equal(written.at(-1)?.endsAt, endsAt())
})

t.test('a long lease, an offer, and what somebody else has meanwhile stay as they are', async (t) => {
  for (const changes of [
    { endsAt: 12 * 60 * minute },
    { state: 'offered' },
    { state: 'declined' },
    { mac: macNumber(2) },
  ] as const) {
    const shelf = new FixedShelf()
    const { parts, endsAt, settled } = aBox(shelf, changes)
    const before = endsAt()
    underWay(parts, queued)
    await settled()
    t.equal(endsAt(), before, JSON.stringify(changes))
    t.strictSame(shelf.commits[0]?.leases, [])
  }
})

t.test('a lease that cannot be written is not longer than what is on disk', async (t) => {
  const { parts, endsAt, settled } = aBox(brokenShelf)
  underWay(parts, queued)
  await settled()
  t.equal(endsAt(), 2 * minute)
})

t.test('a stranger is told of, and is nobody', async (t) => {
  for (const from of ['10.0.0.77', '', '::1']) {
    const shelf = new FixedShelf()
    const { parts, settled } = aBox(shelf)
    underWay(parts, { ...queued, from })
    await settled()
    t.match(shelf.commits, [{ attempts: [], leases: [], events: [{ event: { kind: 'file-queued' } }] }], from)
  }
})
