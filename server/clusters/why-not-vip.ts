import { broadcastOf, contains, numberOfIpv4, type Ipv4, type Subnet } from '../wire/ipv4.ts'

/** A network of the box, as far as clusters must keep clear of it. */
export type BoxNetwork = {
  readonly name: string
  readonly subnet: Subnet
  /** Of the box itself. */
  readonly serverAddress?: Ipv4
  readonly alsoOurs?: readonly Ipv4[]
  readonly router?: Ipv4 | undefined
  /** First and last address that machines are given. */
  readonly pool?: { readonly first: Ipv4; readonly last: Ipv4 } | undefined
  readonly reservations?: ReadonlyMap<string, { readonly address: Ipv4 }>
}

/** Why an address cannot move between the control planes of a cluster: somebody else has it, or may be given it. */
export function whyNotVip(vip: Ipv4, networks: readonly BoxNetwork[]): string | undefined {
  const because = whoHas(vip, networks)
  return because === undefined ? undefined : `${vip} ${because}. Choose one that nobody has.`
}

/** Whose an address is on the networks of the box, or may come to be: the words that follow it in a sentence. */
export function whoHas(address: Ipv4, networks: readonly BoxNetwork[]): string | undefined {
  for (const network of networks) {
    const because = whyNotOn(address, network)
    if (because !== undefined) return because
  }
  return undefined
}

function whyNotOn(vip: Ipv4, network: BoxNetwork): string | undefined {
  const { name, subnet, serverAddress, alsoOurs = [], router, pool, reservations = new Map() } = network
  if (vip === serverAddress || alsoOurs.includes(vip)) return 'is an address of this box'
  if (vip === router) return `is the router of the network ${name}`
  // A /31 and a /32 have neither (RFC 3021).
  const hasEnds = subnet.prefixLength < 31 && contains(subnet, vip)
  if (hasEnds && (vip === subnet.network || vip === broadcastOf(subnet))) {
    return `is no address of a host: the network ${name} is ${subnet.network}/${subnet.prefixLength}`
  }
  for (const [mac, { address }] of reservations) {
    if (address === vip) return `is reserved for ${mac} on the network ${name}`
  }
  if (pool === undefined) return undefined
  const number = numberOfIpv4(vip)
  if (number < numberOfIpv4(pool.first) || number > numberOfIpv4(pool.last)) return undefined
  return `lies in the pool of the network ${name}, ${pool.first}-${pool.last}, which machines are given addresses of`
}
