import type { Lease } from '../../server/networks/lease.ts'
import type { Network, Reservation } from '../../server/networks/network.ts'
import { ipv4OfNumber, parseIpv4, parseSubnet } from '../../server/wire/ipv4.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import { parseMac } from '../../server/wire/mac.ts'
import type { Mac } from '../../server/wire/mac.ts'

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}

/** A MAC of its own for each number. */
export function macNumber(number: number): Mac {
  const mac = parseMac(`52540${number.toString(16).padStart(7, '0')}`)
  if (mac === undefined) throw new Error(`${number} makes no MAC`)
  return mac
}

/** 10.0.0.0/24 with the box at .1, the router at .254, a name server at .12 and a pool from .10 to .19. */
export function aNetwork(changes: Partial<Network> = {}): Network {
  return {
    name: 'rack',
    interface: 'eth1',
    mode: 'full',
    serverAddress: ip('10.0.0.1'),
    subnet: subnet('10.0.0.0/24'),
    pool: { first: ip('10.0.0.10'), last: ip('10.0.0.19') },
    reservations: new Map(),
    router: ip('10.0.0.254'),
    dnsServers: [ip('10.0.0.12')],
    domain: undefined,
    leaseSeconds: { firmware: 120, system: 43_200 },
    ...changes,
  }
}

export function subnet(text: string): Network['subnet'] {
  const parsed = parseSubnet(text)
  if (parsed === undefined) throw new Error(`${text} is no subnet`)
  return parsed
}

export function reserve(...pairs: readonly (readonly [Mac, string])[]): ReadonlyMap<Mac, Reservation> {
  return new Map(pairs.map(([mac, address]) => [mac, { address: ip(address), hostname: undefined }]))
}

export function aLease(changes: Partial<Lease> = {}): Lease {
  return {
    network: 'rack',
    address: ip('10.0.0.10'),
    mac: macNumber(1),
    state: 'leased',
    since: 0,
    endsAt: 120_000,
    hostname: undefined,
    ...changes,
  }
}

/** The network 10.x.0.0/16 with all of its hosts but the box in the pool. */
export function aWideNetwork(): Network {
  const first = 10 * 2 ** 24
  return aNetwork({
    name: 'wide',
    subnet: subnet('10.0.0.0/16'),
    pool: { first: ipv4OfNumber(first), last: ipv4OfNumber(first + 65_535) },
    dnsServers: [],
    router: undefined,
  })
}
