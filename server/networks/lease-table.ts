import { ipv4OfNumber, numberOfIpv4 } from '../wire/ipv4.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import { addressPlanOf, forbiddenTo, isForAnyone } from './address-plan.ts'
import type { AddressPlan } from './address-plan.ts'
import { AddressQueue } from './address-queue.ts'
import type { Lease, LeaseView } from './lease.ts'
import type { Network } from './network.ts'

/** Changes that the table already shows, and that the store has yet to write. Call exactly one of the two, in the order in which the changes were applied. */
export type Provisional = {
  /** The store has written them. */
  readonly confirm: () => void
  /** The store could not write them: the table goes back to what is on disk, and no acknowledgement may leave. */
  readonly revert: () => void
}

/** One record for each address; the addresses of one client are found by its MAC (client identifiers change in a boot). */
type NetworkLeases = {
  readonly network: Network
  readonly plan: AddressPlan
  readonly byAddress: Map<Ipv4, Lease>
  readonly byMac: Map<Mac, Lease>
  /** Addresses with an offer, by the time of the offer. */
  readonly offers: AddressQueue
  readonly mostOffers: number
  /** Addresses of the pool that have, or have had, a record, by the time from which they are free. */
  readonly used: AddressQueue
  /** All numbers of the pool below it are in `used`, or not for everyone. */
  fresh: number
  /** What to go back to, for each address with changes that the store has not answered for. */
  readonly unsettled: Map<Ipv4, Unsettled>
  /** When nobody answered at an address. */
  readonly quiet: Map<Ipv4, number>
}

type Unsettled = { stored: Lease | undefined; waiting: number }

const nothingToSettle: Provisional = { confirm: () => {}, revert: () => {} }

/**
 * The leases of all networks, in memory. It holds one record per address of the pools and reservations and no more, and
 * has no timers: a record whose time has passed is simply no longer in force.
 */
export class LeaseTable implements LeaseView {
  readonly #networks: ReadonlyMap<string, NetworkLeases>

  constructor(networks: readonly Network[]) {
    this.#networks = new Map(networks.map((network) => [network.name, emptyLeases(network)]))
  }

  leaseOf(network: string, mac: Mac): Lease | undefined {
    return this.#of(network).byMac.get(mac)
  }

  leaseAt(network: string, address: Ipv4): Lease | undefined {
    return this.#of(network).byAddress.get(address)
  }

  freeAddress(network: string, now: number): Ipv4 | undefined {
    const leases = this.#of(network)
    const fresh = nextFresh(leases)
    if (fresh !== undefined) return fresh
    // An iPXE that is still loading when its short lease ends does not renew it. Giving out the address that has been free
    // for the longest keeps others away from it for as long as the pool allows.
    const first = leases.used.first
    return first === undefined || first.at > now ? undefined : ipv4OfNumber(first.address)
  }

  quietAt(network: string, address: Ipv4): number | undefined {
    return this.#of(network).quiet.get(address)
  }

  /** Notes that an address was probed and that nobody answered. */
  noteQuiet(network: string, address: Ipv4, at: number): void {
    this.#of(network).quiet.set(address, at)
  }

  /** Everything in force or remembered, in no order. */
  *all(): Iterable<Lease> {
    for (const { byAddress } of this.#networks.values()) yield* byAddress.values()
  }

  /**
   * Takes over what the store holds, when the appliance starts. Leases of networks that the settings no longer name, and
   * those that have ended on addresses no longer in the plan, are left out.
   */
  load(stored: readonly Lease[], now: number): void {
    for (const lease of stored.toSorted((a, b) => a.since - b.since)) {
      const leases = this.#networks.get(lease.network)
      if (leases === undefined) continue
      if (lease.endsAt <= now && forbiddenTo(lease.mac, lease.address, leases.network) !== undefined) continue
      put(leases, lease)
    }
  }

  /**
   * Makes changes visible at once, so that the next decision of the same turn builds on them. Offers live in memory only;
   * for all others the caller confirms, or reverts when the store cannot write them.
   */
  apply(changes: readonly Lease[]): Provisional {
    const mustBeStored = changes.filter(({ state }) => state !== 'offered')
    const before = mustBeStored.map((lease) => this.#announce(lease))
    for (const lease of changes) put(this.#of(lease.network), lease)
    if (mustBeStored.length === 0) return nothingToSettle
    return {
      confirm: () => {
        for (const lease of mustBeStored) this.#settle(lease, lease)
      },
      revert: () => {
        for (const [index, lease] of mustBeStored.entries()) this.#takeBack(lease, before[index])
      },
    }
  }

  /** Remembers what stands on disk for the address, and gives what the client had before. */
  #announce(lease: Lease): Lease | undefined {
    const leases = this.#of(lease.network)
    const unsettled = leases.unsettled.get(lease.address)
    if (unsettled === undefined) {
      leases.unsettled.set(lease.address, { stored: leases.byAddress.get(lease.address), waiting: 1 })
    } else unsettled.waiting++
    return leases.byMac.get(lease.mac)
  }

  #settle({ network, address }: Lease, stored: Lease | undefined): Lease | undefined {
    const { unsettled } = this.#of(network)
    const entry = unsettled.get(address)
    if (entry === undefined) return stored
    if (stored !== undefined) entry.stored = stored
    entry.waiting--
    if (entry.waiting === 0) unsettled.delete(address)
    return entry.stored
  }

  #takeBack(lease: Lease, clientHad: Lease | undefined): void {
    const leases = this.#of(lease.network)
    const stored = this.#settle(lease, undefined)
    // A later change of the same address stands or falls by its own write.
    if (leases.byAddress.get(lease.address) !== lease) return
    remove(leases, lease)
    if (clientHad !== undefined && leases.byAddress.get(clientHad.address) === clientHad) {
      leases.byMac.set(lease.mac, clientHad)
    }
    if (stored === undefined) return
    const found = leases.byMac.get(stored.mac)
    put(leases, stored)
    if (found !== undefined) leases.byMac.set(stored.mac, found)
  }

  #of(network: string): NetworkLeases {
    const leases = this.#networks.get(network)
    if (leases === undefined) throw new Error(`The lease table has no network ${network}.`)
    return leases
  }
}

function emptyLeases(network: Network): NetworkLeases {
  const plan = addressPlanOf(network)
  return {
    network,
    plan,
    byAddress: new Map(),
    byMac: new Map(),
    offers: new AddressQueue(),
    // Made-up clients may hold half of the pool with their offers; the oldest make room for newer ones.
    mostOffers: Math.ceil(plan.poolSize / 2) + network.reservations.size,
    used: new AddressQueue(),
    fresh: plan.first,
    unsettled: new Map(),
    quiet: new Map(),
  }
}

function nextFresh(leases: NetworkLeases): Ipv4 | undefined {
  const { plan } = leases
  for (; leases.fresh <= plan.last; leases.fresh++) {
    const address = ipv4OfNumber(leases.fresh)
    if (!leases.byAddress.has(address) && isForAnyone(plan, address, leases.fresh)) return address
  }
  return undefined
}

function put(leases: NetworkLeases, lease: Lease): void {
  const { address, mac } = lease
  const before = leases.byAddress.get(address)
  if (before !== undefined) forgetClient(leases, before)
  leases.byAddress.set(address, lease)
  if (isForemost(lease, leases.byMac.get(mac))) leases.byMac.set(mac, lease)
  const number = numberOfIpv4(address)
  if (isForAnyone(leases.plan, address, number)) leases.used.put(number, freeFrom(lease))
  if (lease.state !== 'offered') {
    leases.offers.remove(number)
    return
  }
  leases.offers.put(number, lease.since)
  if (leases.offers.size > leases.mostOffers) dropOldestOffer(leases, lease.since)
}

function remove(leases: NetworkLeases, lease: Lease): void {
  const number = numberOfIpv4(lease.address)
  forgetClient(leases, lease)
  leases.byAddress.delete(lease.address)
  leases.offers.remove(number)
  if (isForAnyone(leases.plan, lease.address, number)) leases.used.put(number, 0)
}

/** Whether a new record is the one to find by its client's MAC, rather than the one found so far. */
function isForemost(lease: Lease, found: Lease | undefined): boolean {
  // A declined address is nobody's: its client starts again and must be given another.
  if (lease.state === 'declined') return false
  return found === undefined || lease.state !== 'released' || found.state === 'released'
}

function forgetClient(leases: NetworkLeases, lease: Lease): void {
  if (leases.byMac.get(lease.mac) === lease) leases.byMac.delete(lease.mac)
}

/** The client may still ask for it: its address is the last that others are given. */
function dropOldestOffer(leases: NetworkLeases, now: number): void {
  const { first } = leases.offers
  const offer = first === undefined ? undefined : leases.byAddress.get(ipv4OfNumber(first.address))
  if (offer === undefined) return
  put(leases, { ...offer, state: 'released', since: now, endsAt: Math.min(offer.endsAt, now) })
}

function freeFrom({ state, since, endsAt }: Lease): number {
  return state === 'released' ? Math.min(since, endsAt) : endsAt
}
