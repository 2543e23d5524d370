import t from 'tap'
import type { Test } from 'tap'
import { answerLeaseRequest, offerHoldSeconds } from '../../server/networks/answer-lease-request.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import type { Lease, LeaseAnswer, LeaseRequest } from '../../server/networks/lease.ts'
import type { Network, Reservation } from '../../server/networks/network.ts'
import { quarantineSeconds } from '../../server/networks/put-aside.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { aLease, aNetwork, ip, macNumber, reserve } from './a-network.ts'

const [alice, bob] = [macNumber(0xa), macNumber(0xb)]
const [ten, eleven, outside, elsewhere] = ['10.0.0.10', '10.0.0.11', '10.0.0.99', '192.168.1.5'].map(ip) as [
  Ipv4,
  Ipv4,
  Ipv4,
  Ipv4,
]
const server = ip('10.0.0.1')
const rival = ip('10.0.0.2')

/** A network with its table and a clock, asked as the appliance asks it. */
class Rack {
  readonly network: Network
  readonly table: LeaseTable
  now = 1_000_000

  constructor(changes: Partial<Network> = {}, leases: readonly Lease[] = []) {
    this.network = aNetwork(changes)
    this.table = new LeaseTable([this.network])
    this.table.load(leases, this.now)
  }

  ask(mac: Mac, request: LeaseRequest, client: { purpose?: 'firmware' | 'system'; hostname?: string } = {}) {
    const asking = { mac, purpose: client.purpose ?? 'system', hostname: client.hostname }
    const answer = answerLeaseRequest(request, asking, this.network, this.table, this.now)
    this.table.apply(answer.changes).confirm()
    return answer
  }

  discover(mac: Mac, wanted?: Ipv4, purpose: 'firmware' | 'system' = 'system') {
    return this.ask(mac, { kind: 'discover', wanted }, { purpose })
  }

  select(mac: Mac, wanted: Ipv4, purpose: 'firmware' | 'system' = 'system') {
    return this.ask(mac, { kind: 'selecting', server, wanted }, { purpose })
  }

  /** DISCOVER and REQUEST; the address. */
  boot(t: Test, mac: Mac, purpose: 'firmware' | 'system' = 'system'): Ipv4 {
    const offered = offerOf(t, this.discover(mac, undefined, purpose))
    t.equal(this.select(mac, offered, purpose).kind, 'acknowledge')
    return offered
  }

  wait(seconds: number): void {
    this.now += seconds * 1000
  }
}

function offerOf(t: Test, answer: LeaseAnswer): Ipv4 {
  if (answer.kind !== 'offer') t.fail(`${answer.kind} is no offer`)
  return answer.kind === 'offer' ? answer.lease.address : ip('0.0.0.0')
}

t.test('DISCOVER', async (t) => {
  t.test('a new client is offered the first free address for a minute', async (t) => {
    const rack = new Rack()
    const answer = rack.discover(alice, undefined, 'firmware')
    const lease = aLease({
      mac: alice,
      state: 'offered',
      since: rack.now,
      endsAt: rack.now + offerHoldSeconds * 1000,
    })
    t.strictSame(answer, { kind: 'offer', lease, seconds: 120, changes: [lease] })
    t.equal(offerOf(t, rack.discover(bob)), eleven, 'the next client gets the next')
    t.equal(offerOf(t, rack.discover(alice)), ten, 'the same client gets the same again')
  })

  t.test('a reservation comes before the lease, the lease before the wish', async (t) => {
    const reserved = reserve([alice, '10.0.0.200'])
    const rack = new Rack({ reservations: reserved }, [aLease({ mac: alice, endsAt: 2_000_000 })])
    t.equal(offerOf(t, rack.discover(alice, eleven)), '10.0.0.200')
    const other = new Rack({}, [aLease({ mac: alice, endsAt: 2_000_000 })])
    t.equal(offerOf(t, other.discover(alice, eleven)), ten)
  })

  t.test('an address that ended or was released comes back to its client', async (t) => {
    for (const state of ['leased', 'released'] as const) {
      const rack = new Rack({}, [aLease({ address: ip('10.0.0.17'), mac: alice, state, endsAt: 500_000 })])
      t.equal(offerOf(t, rack.discover(alice, eleven)), '10.0.0.17', state)
    }
  })

  t.test('a wish is met when the address is free and in the pool', async (t) => {
    const rack = new Rack({}, [aLease({ mac: bob, endsAt: 2_000_000 })])
    t.equal(offerOf(t, rack.discover(alice, ip('10.0.0.15'))), '10.0.0.15')
    const wishes = [ten, outside, elsewhere, server, ip('10.0.0.0'), ip('10.0.0.255'), ip('10.0.0.12')]
    for (const wish of wishes) {
      t.equal(
        offerOf(t, rack.discover(macNumber(wishes.indexOf(wish)), wish)).startsWith('10.0.0.1'),
        true,
        wish,
      )
      t.not(rack.table.leaseOf('rack', macNumber(wishes.indexOf(wish)))?.address, wish, wish)
    }
  })

  t.test('what is offered to one client is neither offered nor given to another', async (t) => {
    const rack = new Rack()
    rack.discover(alice)
    t.equal(offerOf(t, rack.discover(bob, ten)), eleven)
    t.match(rack.select(macNumber(3), ten), { kind: 'refuse', because: `10.0.0.10 is offered to ${alice}` })
  })

  t.test('the running lease of a system is offered to its firmware as it is', async (t) => {
    const rack = new Rack()
    const address = rack.boot(t, alice, 'system')
    const before = rack.table.leaseAt('rack', address)
    rack.wait(3600)
    const answer = rack.discover(alice, undefined, 'firmware')
    t.match(answer, { kind: 'offer', lease: { address, state: 'leased' }, seconds: 120, changes: [] })
    t.equal(rack.table.leaseAt('rack', address), before)
  })

  t.test('a full pool is told, and an offer nobody took becomes free', async (t) => {
    const rack = new Rack({ pool: { first: ten, last: eleven } })
    rack.boot(t, alice)
    rack.discover(bob)
    const answer = rack.discover(macNumber(3))
    t.match(answer, { kind: 'exhausted', because: /none of the 2 addresses between 10.0.0.10 and 10.0.0.11/ })
    rack.wait(offerHoldSeconds)
    t.equal(offerOf(t, rack.discover(macNumber(3))), eleven)
  })

  t.test('the address that has been free for the longest is given first', async (t) => {
    const leases = ['10.0.0.10', '10.0.0.11', '10.0.0.13'].map((address, index) =>
      aLease({ address: ip(address), mac: macNumber(index), endsAt: [300, 100, 200][index] ?? 0 }),
    )
    const pool = { first: ten, last: ip('10.0.0.13') }
    const rack = new Rack({ pool }, leases)
    const offered = [20, 21, 22].map((number) => offerOf(t, rack.discover(macNumber(number))))
    // Half of the pool may be offered, so the first two offers are free again, to be taken last.
    t.strictSame(offered, ['10.0.0.11', '10.0.0.13', '10.0.0.10'])
  })

  t.test('reserved addresses are never offered to others', async (t) => {
    const rack = new Rack({ pool: { first: ten, last: eleven }, reservations: reserve([alice, '10.0.0.10']) })
    t.equal(offerOf(t, rack.discover(bob, ten)), eleven)
    t.equal(rack.discover(macNumber(3)).kind, 'exhausted')
    t.equal(offerOf(t, rack.discover(alice)), ten)
  })

  t.test('while another holds its reserved address, a client gets one of the pool', async (t) => {
    const held = aLease({ mac: bob, endsAt: 1_600_000 })
    const rack = new Rack({ reservations: reserve([alice, '10.0.0.10']) }, [held])
    t.equal(offerOf(t, rack.discover(alice)), eleven)
    t.match(rack.ask(bob, { kind: 'renewing', address: ten }), { kind: 'refuse', because: /reserved for/ })
    rack.wait(600)
    t.equal(offerOf(t, rack.discover(alice)), ten)
  })

  t.test('without a pool only reserved clients are answered', async (t) => {
    const rack = new Rack({ pool: undefined, reservations: reserve([alice, '10.0.0.10']) })
    t.equal(offerOf(t, rack.discover(alice)), ten)
    t.match(rack.discover(bob), { kind: 'stay-silent', because: /no pool/ })
  })

  t.test('the reserved name wins over what the client says, and a known name is kept', async (t) => {
    const reservations = new Map<Mac, Reservation>([[alice, { address: ten, hostname: 'node-1' }]])
    const rack = new Rack({ reservations })
    t.match(rack.ask(alice, { kind: 'discover', wanted: undefined }, { hostname: 'debian' }), {
      lease: { hostname: 'node-1' },
    })
    rack.ask(bob, { kind: 'discover', wanted: eleven }, { hostname: 'bob' })
    t.match(rack.select(bob, eleven), { lease: { hostname: 'bob' } })
  })
})

t.test('REQUEST, selecting', async (t) => {
  t.test('what was offered is acknowledged, for as long as the purpose says', async (t) => {
    const rack = new Rack()
    rack.discover(alice)
    const answer = rack.select(alice, ten, 'firmware')
    const lease = aLease({ mac: alice, since: rack.now, endsAt: rack.now + 120_000 })
    t.strictSame(answer, { kind: 'acknowledge', lease, seconds: 120, changes: [lease] })
  })

  t.test('the choice of another server is met with silence, and our offer is withdrawn', async (t) => {
    const rack = new Rack()
    rack.discover(alice)
    const answer = rack.ask(alice, { kind: 'selecting', server: rival, wanted: outside })
    t.match(answer, { kind: 'stay-silent', changes: [{ address: ten, state: 'released', endsAt: rack.now }] })
    t.equal(offerOf(t, rack.discover(bob, ten)), ten)
  })

  t.test('the choice of another server leaves a running lease alone', async (t) => {
    const rack = new Rack()
    rack.boot(t, alice)
    t.match(rack.ask(alice, { kind: 'selecting', server: rival, wanted: outside }), { changes: [] })
    t.equal(rack.table.leaseAt('rack', ten)?.state, 'leased')
  })

  t.test('an address of somebody else, or of no pool, is refused with the reason', async (t) => {
    const rack = new Rack()
    rack.boot(t, alice)
    t.match(rack.select(bob, ten), {
      kind: 'refuse',
      because: `10.0.0.10 is leased to ${alice}`,
      changes: [],
    })
    t.match(rack.select(bob, outside), { kind: 'refuse', because: /outside the pool/ })
    t.match(rack.select(bob, elsewhere), { kind: 'refuse', because: /not in 10.0.0.0\/24/ })
    t.match(rack.select(bob, server), { kind: 'refuse', because: /this box/ })
  })

  t.test('an offer forgotten in a restart is honoured while its address is free', async (t) => {
    t.equal(new Rack().select(alice, ten).kind, 'acknowledge')
  })

  t.test('one client cannot collect addresses', async (t) => {
    const rack = new Rack()
    rack.boot(t, alice)
    t.match(rack.select(alice, eleven), { kind: 'refuse', because: `10.0.0.10 is leased to ${alice}` })
    t.match(rack.ask(alice, { kind: 'renewing', address: eleven }), { kind: 'refuse' })
    t.match(rack.ask(alice, { kind: 'init-reboot', wanted: eleven }), { kind: 'refuse' })
  })

  t.test('the same REQUEST twice is acknowledged twice, each with its own write', async (t) => {
    const rack = new Rack()
    rack.boot(t, alice)
    t.match(rack.select(alice, ten), { kind: 'acknowledge', changes: [{ address: ten, state: 'leased' }] })
  })
})

t.test(
  'the firmware of a machine with a long lease hears its short time, and the lease runs on',
  async (t) => {
    const rack = new Rack()
    rack.boot(t, alice, 'system')
    const longEnd = rack.now + 43_200_000
    rack.wait(3600)
    t.equal(offerOf(t, rack.discover(alice, undefined, 'firmware')), ten)
    t.match(rack.select(alice, ten, 'firmware'), {
      kind: 'acknowledge',
      seconds: 120,
      lease: { endsAt: longEnd },
    })
    rack.wait(600)
    t.not(offerOf(t, rack.discover(bob, ten)), ten)
  },
)

t.test('REQUEST, init-reboot', async (t) => {
  const known = aLease({ mac: alice, endsAt: 2_000_000 })

  t.test('the address on record is acknowledged, also when its time has passed', async (t) => {
    for (const lease of [
      known,
      { ...known, endsAt: 10 },
      { ...known, state: 'released' as const, endsAt: 10 },
    ]) {
      const rack = new Rack({}, [lease])
      t.equal(rack.ask(alice, { kind: 'init-reboot', wanted: ten }).kind, 'acknowledge', lease.state)
    }
  })

  t.test('the wrong subnet is refused, known client or not', async (t) => {
    const rack = new Rack({}, [known])
    for (const mac of [alice, bob]) {
      t.match(rack.ask(mac, { kind: 'init-reboot', wanted: elsewhere }), {
        kind: 'refuse',
        because: /not in/,
      })
    }
  })

  t.test('an address of another client is refused', async (t) => {
    const rack = new Rack({}, [known])
    t.match(rack.ask(bob, { kind: 'init-reboot', wanted: ten }), { kind: 'refuse', because: /leased to/ })
  })

  t.test('of an unknown client in the pool nothing is known, so nothing is said', async (t) => {
    const rack = new Rack()
    t.match(rack.ask(alice, { kind: 'init-reboot', wanted: ten }), { kind: 'stay-silent', changes: [] })
    t.match(rack.ask(alice, { kind: 'init-reboot', wanted: outside }), { kind: 'refuse', because: /outside/ })
  })

  t.test('a client that had another address is refused', async (t) => {
    const rack = new Rack({}, [{ ...known, endsAt: 10 }])
    t.match(rack.ask(alice, { kind: 'init-reboot', wanted: eleven }), { kind: 'refuse', because: /last had/ })
  })

  t.test('a client moves to its reservation, when that is free', async (t) => {
    const reservations = reserve([alice, '10.0.0.50'])
    const rack = new Rack({ reservations }, [known])
    t.match(rack.ask(alice, { kind: 'init-reboot', wanted: ten }), { kind: 'refuse', because: /10.0.0.50/ })
    t.equal(rack.ask(alice, { kind: 'init-reboot', wanted: ip('10.0.0.50') }).kind, 'acknowledge')
    const declined = aLease({ address: ip('10.0.0.50'), state: 'declined', mac: bob, endsAt: 2_000_000 })
    const other = new Rack({ reservations }, [known, declined])
    t.equal(other.ask(alice, { kind: 'init-reboot', wanted: ten }).kind, 'acknowledge')
  })
})

t.test('REQUEST, renewing and rebinding', async (t) => {
  t.test('renewing moves the end of the lease and keeps its beginning', async (t) => {
    const rack = new Rack()
    rack.boot(t, alice)
    const since = rack.now
    rack.wait(21_600)
    t.match(rack.ask(alice, { kind: 'renewing', address: ten }), {
      kind: 'acknowledge',
      lease: { since, endsAt: rack.now + 43_200_000 },
    })
  })

  t.test('renewing a free address of the pool that nobody remembers takes it on record', async (t) => {
    t.equal(new Rack().ask(alice, { kind: 'renewing', address: ten }).kind, 'acknowledge')
  })

  t.test('renewing an address of somebody else is refused', async (t) => {
    const rack = new Rack()
    rack.boot(t, bob)
    t.match(rack.ask(alice, { kind: 'renewing', address: ten }), { kind: 'refuse', because: /leased to/ })
  })

  t.test('renewing an address of another network is refused', async (t) => {
    t.match(new Rack().ask(alice, { kind: 'renewing', address: elsewhere }), {
      kind: 'refuse',
      because: /not in/,
    })
  })

  t.test('a running machine keeps its address although another is reserved for it by now', async (t) => {
    const rack = new Rack({ reservations: reserve([alice, '10.0.0.50']) }, [
      aLease({ mac: alice, endsAt: 2_000_000 }),
    ])
    t.equal(rack.ask(alice, { kind: 'renewing', address: ten }).kind, 'acknowledge')
  })
})

t.test('DECLINE', async (t) => {
  t.test('a declined address rests, and its client gets another', async (t) => {
    const rack = new Rack({ pool: { first: ten, last: eleven } })
    rack.boot(t, alice)
    const answer = rack.ask(alice, { kind: 'decline', server, address: ten })
    const endsAt = rack.now + quarantineSeconds * 1000
    t.match(answer, { kind: 'noted', changes: [{ address: ten, state: 'declined', endsAt }] })
    t.equal(offerOf(t, rack.discover(alice)), eleven)
    t.equal(rack.discover(bob, ten).kind, 'exhausted')
    t.match(rack.select(bob, ten), { kind: 'refuse', because: /found in use/ })
    rack.wait(quarantineSeconds)
    t.equal(offerOf(t, rack.discover(bob, ten)), ten)
  })

  t.test('nobody can put aside what he does not hold, or what another server gave', async (t) => {
    const rack = new Rack()
    rack.boot(t, alice)
    for (const request of [
      { mac: bob, server, address: ten },
      { mac: alice, server: rival, address: ten },
      { mac: alice, server, address: eleven },
    ]) {
      const answer = rack.ask(request.mac, {
        kind: 'decline',
        server: request.server,
        address: request.address,
      })
      t.match(answer, { kind: 'stay-silent', changes: [] })
    }
  })
})

t.test('RELEASE', async (t) => {
  t.test('a released address is free for others and remembered for its client', async (t) => {
    const rack = new Rack({ pool: { first: ten, last: eleven } })
    rack.boot(t, alice)
    const answer = rack.ask(alice, { kind: 'release', server: undefined, address: ten })
    t.match(answer, { kind: 'noted', changes: [{ address: ten, state: 'released', endsAt: rack.now }] })
    t.equal(offerOf(t, rack.discover(bob)), eleven, 'a stranger gets the one never used')
    t.equal(offerOf(t, rack.discover(alice)), ten)
  })

  t.test('nobody can release what he does not hold, or what another server gave', async (t) => {
    const rack = new Rack()
    rack.boot(t, alice)
    t.equal(rack.ask(bob, { kind: 'release', server, address: ten }).kind, 'stay-silent')
    t.equal(rack.ask(alice, { kind: 'release', server: rival, address: ten }).kind, 'stay-silent')
    t.equal(rack.table.leaseAt('rack', ten)?.state, 'leased')
  })
})
