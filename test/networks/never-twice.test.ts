import * as fc from 'fast-check'
import t from 'tap'
import { forbiddenTo } from '../../server/networks/address-plan.ts'
import { answerLeaseRequest } from '../../server/networks/answer-lease-request.ts'
import { foundInUse } from '../../server/networks/found-in-use.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import type { Provisional } from '../../server/networks/lease-table.ts'
import type { Lease, LeaseAnswer, LeaseRequest } from '../../server/networks/lease.ts'
import type { Network } from '../../server/networks/network.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { aNetwork, ip, macNumber, reserve } from './a-network.ts'

// Clients, a clock, a disk that sometimes fails and a box that sometimes dies, in any order. What each client believes to
// hold is kept here, apart from the table, by the rules for clients: from an ACK that arrives, for the seconds it names,
// until the client gives the address back or is refused it.

const clients = [1, 2, 3, 4].map(macNumber)
const addresses = [
  '10.0.0.9',
  '10.0.0.10',
  '10.0.0.11',
  '10.0.0.12',
  '10.0.0.13',
  '10.0.0.14',
  '10.0.0.1',
  '9.9.9.9',
].map(ip)
const pool = { first: ip('10.0.0.10'), last: ip('10.0.0.14') }
/** The settings as an operator changes them between two starts. */
const settings: readonly Network[] = [
  aNetwork({ pool, leaseSeconds: { firmware: 60, system: 600 } }),
  aNetwork({
    pool,
    leaseSeconds: { firmware: 60, system: 600 },
    reservations: reserve([macNumber(1), '10.0.0.9'], [macNumber(2), '10.0.0.10']),
  }),
  aNetwork({ pool: { first: ip('10.0.0.11'), last: ip('10.0.0.12') }, dnsServers: [] }),
  aNetwork({ pool, leaseSeconds: { firmware: 60, system: 600 }, probes: true }),
]
/** Uses this address without having asked, where addresses are probed. */
const squatter = ip('10.0.0.11')

const client = fc.constantFrom(...clients)
const address = fc.constantFrom(...addresses)
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('boot' as const), client, disk: fc.boolean() }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'discover' as const,
        'selecting' as const,
        'init-reboot' as const,
        'renewing' as const,
        'decline' as const,
        'release' as const,
      ),
      client,
      purpose: fc.constantFrom('firmware' as const, 'system' as const),
      /** What the client names: its own address where it has one, or any. */
      own: fc.boolean(),
      address,
      ours: fc.integer({ min: 0, max: 5 }).map((number) => number > 0),
      disk: fc.constantFrom('stores' as const, 'stores' as const, 'fails' as const, 'is slow' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 400 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('disk answers' as const), stores: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      settings: fc.integer({ min: 0, max: settings.length - 1 }),
      stored: fc.boolean(),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

class World {
  network: Network = settings[0] as Network
  table = new LeaseTable([this.network])
  now = 1_000_000
  acknowledged = 0
  probed = 0
  readonly disk = new Map<Ipv4, Lease>()
  /** What each client believes to hold, and until when. */
  readonly believes = new Map<Mac, { address: Ipv4; until: number }>()
  slow: { mac: Mac; answer: LeaseAnswer; at: number; applied: Provisional; awaited: boolean }[] = []

  take(step: Step): void {
    switch (step.do) {
      case 'wait':
        this.now += step.seconds * 1000
        return
      case 'restart':
        // The disk may have taken the last writes although their answers never left.
        if (step.stored) for (const { answer } of this.slow) this.store(answer)
        this.slow = []
        this.network = settings[step.settings] as Network
        this.table = new LeaseTable([this.network])
        this.table.load([...this.disk.values()], this.now)
        return
      case 'disk answers':
        this.settleOldest(step.stores)
        return
      case 'boot': {
        const offered = this.ask(step.client, { kind: 'discover', wanted: undefined }, 'system', 'stores')
        if (offered.kind !== 'offer') return
        const wanted = offered.lease.address
        const server = this.network.serverAddress
        this.ask(
          step.client,
          { kind: 'selecting', server, wanted },
          'system',
          step.disk ? 'stores' : 'is slow',
        )
        return
      }
      default:
        this.ask(step.client, this.requestOf(step), step.purpose, step.disk)
    }
  }

  requestOf(step: Extract<Step, { own: boolean }>): LeaseRequest {
    const own = this.believes.get(step.client)?.address ?? this.table.leaseOf('rack', step.client)?.address
    const address = (step.own ? own : undefined) ?? step.address
    const server = step.ours ? this.network.serverAddress : ip('10.0.0.2')
    switch (step.do) {
      case 'discover':
        return { kind: step.do, wanted: step.own ? undefined : address }
      case 'selecting':
        return { kind: step.do, server, wanted: address }
      case 'init-reboot':
        return { kind: step.do, wanted: address }
      case 'renewing':
        return { kind: step.do, address }
      case 'decline':
      case 'release':
        if (this.believes.get(step.client)?.address === address) this.believes.delete(step.client)
        // Nor does it take what it asked for before, should that still come.
        for (const waiting of this.slow) if (waiting.mac === step.client) waiting.awaited = false
        return { kind: step.do, server, address }
    }
  }

  ask(mac: Mac, request: LeaseRequest, purpose: 'firmware' | 'system', disk: 'stores' | 'fails' | 'is slow') {
    const asking = { mac, purpose, hostname: undefined }
    let answer = answerLeaseRequest(request, asking, this.network, this.table, this.now)
    for (; answer.kind === 'probe'; this.probed++) {
      this.check(mac, request, answer)
      this.table.apply(answer.changes)
      this.probe(answer.lease)
      answer = answerLeaseRequest(request, asking, this.network, this.table, this.now)
    }
    this.check(mac, request, answer)
    const applied = this.table.apply(answer.changes)
    this.slow.push({ mac, answer, at: this.now, applied, awaited: true })
    if (disk !== 'is slow') while (this.slow.length > 0) this.settleOldest(disk === 'stores')
    return answer
  }

  /** What must be true of each answer by itself. */
  check(mac: Mac, request: LeaseRequest, answer: LeaseAnswer): void {
    if (answer.kind === 'refuse' && answer.because === '') throw new Error('a refusal without a reason')
    if (answer.kind !== 'offer' && answer.kind !== 'acknowledge' && answer.kind !== 'probe') return
    const { lease } = answer
    if (lease.mac !== mac) throw new Error(`${mac} is given the lease of ${lease.mac}`)
    if (forbiddenTo(mac, lease.address, this.network) !== undefined)
      throw new Error(`${lease.address} is forbidden`)
    if (lease.endsAt <= this.now) throw new Error('a lease that has ended already')
    this.mustBeFree(lease.address, mac)
    if (answer.kind !== 'acknowledge') {
      const known = this.table.leaseAt('rack', lease.address)
      const isNew = known?.state !== 'leased' && this.network.probes === true
      if (answer.kind === 'offer' && isNew && lease.address === squatter) {
        throw new Error(`${squatter} is offered, where somebody is`)
      }
      return
    }
    if (lease.endsAt < this.now + answer.seconds * 1000)
      throw new Error('the client hears more than it is given')
    if (!answer.changes.includes(lease)) throw new Error('an acknowledgement without its write')
    const wanted = 'wanted' in request ? request.wanted : 'address' in request ? request.address : undefined
    if (lease.address !== wanted) throw new Error(`${wanted} was asked for, ${lease.address} acknowledged`)
  }

  /** Looks at an address as the appliance does, and notes what comes of it. */
  probe({ address, mac }: Lease): void {
    const { table, now } = this
    if (address !== squatter) table.noteQuiet('rack', address, now)
    else table.apply(foundInUse({ network: 'rack', address, mac }, table, now)).confirm()
  }

  mustBeFree(address: Ipv4, mac: Mac): void {
    for (const [other, held] of this.believes) {
      if (other !== mac && held.address === address && held.until > this.now) {
        throw new Error(`${address} is given to ${mac} while ${other} holds it`)
      }
    }
  }

  settleOldest(stores: boolean): void {
    const oldest = this.slow.shift()
    if (oldest === undefined) return
    const { mac, answer, at, applied, awaited } = oldest
    if (!stores && answer.changes.some(({ state }) => state !== 'offered')) {
      applied.revert()
      return
    }
    applied.confirm()
    this.store(answer)
    if (answer.kind === 'acknowledge' && awaited) {
      this.mustBeFree(answer.lease.address, mac)
      this.believes.set(mac, { address: answer.lease.address, until: at + answer.seconds * 1000 })
      this.acknowledged++
    }
    if (answer.kind === 'refuse') this.believes.delete(mac)
  }

  store(answer: LeaseAnswer): void {
    for (const lease of answer.changes) if (lease.state !== 'offered') this.disk.set(lease.address, lease)
  }

  /** With nothing on its way, the table and the disk say the same of every lease in force. */
  compare(): void {
    while (this.slow.length > 0) this.settleOldest(true)
    for (const lease of this.table.all()) {
      if (lease.state !== 'leased' || lease.endsAt <= this.now) continue
      const stored = this.disk.get(lease.address)
      if (JSON.stringify(stored) !== JSON.stringify(lease)) {
        throw new Error(`the table has ${JSON.stringify(lease)}, the disk ${JSON.stringify(stored)}`)
      }
    }
  }
}

t.test('no sequence of requests, disk faults and restarts gives one address to two clients', async (t) => {
  let [acknowledged, probed] = [0, 0]
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 120 }), (steps) => {
      const world = new World()
      for (const step of steps) world.take(step)
      world.compare()
      acknowledged += world.acknowledged
      probed += world.probed
    }),
    { numRuns: 1500 },
  )
  t.ok(acknowledged > 10_000, `${acknowledged} acknowledgements were looked at`)
  t.ok(probed > 500, `${probed} addresses were probed`)
})
