import { broadcastOf, numberOfIpv4 } from '../wire/ipv4.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { Network } from './network.ts'

/** What the settings of a network say about its addresses, laid out for quick questions. */
export type AddressPlan = {
  readonly subnetFirst: number
  readonly subnetLast: number
  /** First and last number of the pool, at most `mostPoolAddresses` of them; first > last when there is no pool. */
  readonly first: number
  readonly last: number
  readonly reservedFor: ReadonlyMap<Ipv4, Mac>
  /** Addresses in use by someone who never asks: this box, the router, the name servers. */
  readonly fixed: ReadonlySet<Ipv4>
  /** The network's own address and its broadcast address (RFC 1122 §3.2.1.3); a /31 and a /32 have neither (RFC 3021). */
  readonly noHosts: ReadonlySet<Ipv4>
  /** How many addresses of the pool may be given to a client without a reservation. */
  readonly poolSize: number
}

/** A pool uses no more than its first 131072 addresses, two /16 networks, so that its table stays within memory. */
export const mostPoolAddresses = 131_072

const plans = new WeakMap<Network, AddressPlan>()

/** The plan of a network, made once for each. */
export function addressPlanOf(network: Network): AddressPlan {
  const known = plans.get(network)
  if (known !== undefined) return known
  const made = makePlan(network)
  plans.set(network, made)
  return made
}

/** Why the settings never let this client have this address, as a clause after it; `undefined` when they do. */
export function forbiddenTo(mac: Mac, address: Ipv4, network: Network): string | undefined {
  const plan = addressPlanOf(network)
  const number = numberOfIpv4(address)
  const { subnet } = network
  if (number < plan.subnetFirst || number > plan.subnetLast) {
    return `is not in ${subnet.network}/${subnet.prefixLength}`
  }
  if (plan.noHosts.has(address)) return `names no single machine in ${subnet.network}/${subnet.prefixLength}`
  if (address === network.serverAddress || network.alsoOurs?.includes(address) === true) {
    return 'is an address of this box'
  }
  const owner = plan.reservedFor.get(address)
  if (owner === mac) return undefined
  if (owner !== undefined) return `is reserved for ${owner}`
  if (plan.fixed.has(address)) return 'belongs to a router or a name server'
  return isPooled(plan, number) ? undefined : 'is outside the pool and not reserved'
}

/** Whether any client may be given this address of the pool. */
export function isForAnyone(plan: AddressPlan, address: Ipv4, number: number): boolean {
  return (
    isPooled(plan, number) &&
    !plan.reservedFor.has(address) &&
    !plan.fixed.has(address) &&
    !plan.noHosts.has(address)
  )
}

function makePlan(network: Network): AddressPlan {
  const { subnet, pool, serverAddress, alsoOurs = [], router, dnsServers, reservations } = network
  const broadcast = broadcastOf(subnet)
  const subnetFirst = numberOfIpv4(subnet.network)
  const subnetLast = numberOfIpv4(broadcast)
  const first = pool === undefined ? 1 : Math.max(numberOfIpv4(pool.first), subnetFirst)
  const last =
    pool === undefined ? 0 : Math.min(numberOfIpv4(pool.last), subnetLast, first + mostPoolAddresses - 1)
  const reservedFor = new Map<Ipv4, Mac>()
  // Of two machines with the same reservation the first has it: the address is never given twice.
  for (const [mac, { address }] of reservations) {
    if (!reservedFor.has(address)) reservedFor.set(address, mac)
  }
  const fixed = new Set([
    serverAddress,
    ...alsoOurs,
    ...dnsServers,
    ...(router === undefined ? [] : [router]),
  ])
  const noHosts = new Set(subnet.prefixLength >= 31 ? [] : [subnet.network, broadcast])
  const notForAnyone = [...new Set([...reservedFor.keys(), ...fixed, ...noHosts])].map(numberOfIpv4)
  const taken = notForAnyone.filter((number) => number >= first && number <= last).length
  const poolSize = Math.max(0, last - first + 1 - taken)
  return { subnetFirst, subnetLast, first, last, reservedFor, fixed, noHosts, poolSize }
}

function isPooled(plan: AddressPlan, number: number): boolean {
  return number >= plan.first && number <= plan.last
}
