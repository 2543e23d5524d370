import { networkInterfaces } from 'node:os'
import type { NetworkSettings } from '../config/config.ts'
import type { Network } from '../networks/network.ts'
import { contains, parseIpv4, subnetOf, type Ipv4, type Subnet } from '../wire/ipv4.ts'

/** An IPv4 address of an interface of this box. */
export type InterfaceAddress = { readonly interface: string; readonly address: Ipv4; readonly subnet: Subnet }

/** The IPv4 addresses of this box but those of loopback, in the order the system gives them. */
export function interfaceAddresses(): readonly InterfaceAddress[] {
  const found: InterfaceAddress[] = []
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const entry of addresses ?? []) {
      const [, length = ''] = entry.cidr?.split('/') ?? []
      const address = entry.family === 'IPv4' && !entry.internal ? parseIpv4(entry.address) : undefined
      if (address === undefined || length === '') continue
      found.push({ interface: name, address, subnet: subnetOf(address, Number(length)) })
    }
  }
  return found
}

export type NetworkOnBox =
  | { readonly kind: 'network'; readonly network: Network }
  /** It may come: a cable that is not plugged in, an address that is not given yet. */
  | { readonly kind: 'not-there'; readonly settings: NetworkSettings; readonly because: string }
  /** The settings do not fit what is there. */
  | { readonly kind: 'unusable'; readonly settings: NetworkSettings; readonly because: string }

/** A network of the settings with the address the box has there, or why it cannot be served. */
export function networkOnBox(
  settings: NetworkSettings,
  addresses: readonly InterfaceAddress[],
): NetworkOnBox {
  const there = addresses.filter((entry) => entry.interface === settings.interface)
  const [first] = there
  if (first === undefined) {
    const because = `this box has no interface ${settings.interface} that is up and has an IPv4 address`
    return { kind: 'not-there', settings, because }
  }
  const found =
    settings.address === undefined ? first : there.find((entry) => entry.address === settings.address)
  if (found === undefined) {
    const has = there.map((entry) => entry.address).join(', ')
    const because = `${settings.interface} has not the address ${settings.address}, but ${has}`
    return { kind: 'not-there', settings, because }
  }
  const own =
    settings.relayed === undefined
      ? withPrefix(found, settings.prefixLength)
      : { ...found, subnet: settings.relayed }
  const outside = [
    settings.pool?.first,
    settings.pool?.last,
    ...settings.reservations.map((one) => one.address),
  ].find((address) => address !== undefined && !contains(own.subnet, address))
  if (outside !== undefined) {
    return unusable(
      settings,
      `${outside} is not in ${own.subnet.network}/${own.subnet.prefixLength}, the subnet ${settings.relayed === undefined ? `of ${settings.interface}` : 'behind the relay'}`,
    )
  }
  const alsoOurs = addresses
    .map(({ address }) => address)
    .filter((address) => address !== own.address && contains(own.subnet, address))
  const network = networkOf(settings, own)
  return { kind: 'network', network: alsoOurs.length === 0 ? network : { ...network, alsoOurs } }
}

/** The prefix of the settings counts, where they give one, and else that of the interface. */
function withPrefix(own: InterfaceAddress, prefixLength: number | undefined): InterfaceAddress {
  return prefixLength === undefined ? own : { ...own, subnet: subnetOf(own.address, prefixLength) }
}

function networkOf(settings: NetworkSettings, own: InterfaceAddress): Network {
  return {
    name: settings.name,
    interface: settings.interface,
    mode: settings.mode,
    serverAddress: own.address,
    subnet: own.subnet,
    pool: settings.pool,
    reservations: new Map(
      settings.reservations.map(({ mac, address, hostname }) => [mac, { address, hostname }]),
    ),
    router: settings.router,
    dnsServers: settings.dnsServers,
    domain: settings.domain,
    leaseSeconds: settings.leaseSeconds,
    ...(settings.relayed === undefined ? {} : { relayed: true }),
    ...(settings.authoritative === true ? { authoritative: true } : {}),
    ...(settings.mode === 'full' && settings.relayed === undefined && settings.probe !== false
      ? { probes: true }
      : {}),
    ...(settings.loader === undefined ? {} : { loader: settings.loader }),
    ...(settings.proxyOffer === undefined ? {} : { proxyOffer: settings.proxyOffer }),
  }
}

/** With no settings at all every network the box stands in is listened to, and none is answered. */
export function observedNetworks(addresses: readonly InterfaceAddress[]): readonly Network[] {
  const firstOfEach = new Map(addresses.toReversed().map((entry) => [entry.interface, entry]))
  return [...firstOfEach.values()].map((own) => ({
    name: own.interface,
    interface: own.interface,
    mode: 'observe',
    serverAddress: own.address,
    subnet: own.subnet,
    pool: undefined,
    reservations: new Map(),
    router: undefined,
    dnsServers: [],
    domain: undefined,
    leaseSeconds: { firmware: 120, system: 43_200 },
  }))
}

function unusable(settings: NetworkSettings, because: string): NetworkOnBox {
  return { kind: 'unusable', settings, because }
}
