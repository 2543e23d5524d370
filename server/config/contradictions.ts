import type { Finding, SettingsPath } from './mistake.ts'
import { readAddress, readMac, readPool, readSubnet } from './settings-schema.ts'
import { broadcastOf, contains, numberOfIpv4, parseIpv4, subnetOf } from '../wire/ipv4.ts'
import type { Ipv4, Subnet } from '../wire/ipv4.ts'

/** A pool is searched for a free address; a /16 is the largest network that is still one network. */
const mostAddresses = 65_536

/**
 * Settings that are each right and cannot be true together. Reads what it can and skips the rest, so that these are
 * found beside mistakes of form and not only after they are mended.
 */
export function contradictions(settings: unknown): readonly Finding[] {
  const networks = itemsOf(settings, 'networks').map((network, index) => viewOf(network, ['networks', index]))
  return [
    ...networks.flatMap(findingsInNetwork),
    ...twice(
      networks
        .filter(({ isRelayed }) => !isRelayed)
        .map(({ at, interface: name }) => ({ at: [...at, 'interface'], key: name })),
      (name) => ({
        because: `Another network already has the interface ${name}.`,
        nextStep: 'Give each network an interface of its own.',
      }),
    ),
    ...twice(
      networks.map(({ at, interface: key, hasLink }) => ({
        at: [...at, 'link'],
        key: hasLink ? key : undefined,
      })),
      (name) => ({
        because: `Another network of the interface ${name} already says what images may take of it.`,
        nextStep: 'Say it once: they share the wire.',
      }),
    ),
    ...sameNames(networks),
    ...overlaps(networks),
    ...findingsInMachines(settings),
    ...findingsOfNodes(settings),
    ...twice(
      itemsOf(settings, 'clusters').map((cluster, index) => ({
        at: ['clusters', index, 'name'],
        key: readText(cluster, 'name', (text) => text),
      })),
      (name) => ({ because: `The cluster ${name} is already listed above.` }),
    ),
    ...findingsInPorts(settings),
  ]
}

/** A network without a name has that of its interface. */
function sameNames(networks: readonly NetworkView[]): readonly Finding[] {
  const unnamed = networks.filter(({ name }) => name === undefined)
  const taken = new Set(unnamed.map((network) => network.interface))
  const named = networks.filter(({ name }) => name !== undefined)
  const items = named.map(({ at, name: key }) => ({ at: [...at, 'name'], key }))
  const tell = (name: string) => ({ because: `Another network is already named ${name}.` })
  const clashes = items.filter(({ key }) => taken.has(key))
  return [
    ...twice(items, tell),
    ...clashes.map(({ at, key = '' }) => ({ at, on: 'value' as const, ...tell(key) })),
  ]
}

type NetworkView = {
  readonly at: SettingsPath
  readonly name: string | undefined
  readonly interface: string | undefined
  readonly mode: unknown
  readonly isRelayed: boolean
  readonly probe: unknown
  readonly address: Ipv4 | undefined
  readonly subnet: Subnet | undefined
  readonly hasPool: boolean
  readonly hasProxyOffer: boolean
  readonly hasLink: boolean
  readonly pool: { readonly first: Ipv4; readonly last: Ipv4 } | undefined
  readonly router: Ipv4 | undefined
  readonly dns: readonly (Ipv4 | undefined)[]
  readonly reservations: readonly {
    readonly at: SettingsPath
    readonly mac: string | undefined
    readonly address: Ipv4 | undefined
  }[]
}

function viewOf(network: unknown, at: SettingsPath): NetworkView {
  const own = readText(network, 'address', readAddress)
  const address = own?.address
  return {
    at,
    name: readText(network, 'name', (text) => text),
    interface: readText(network, 'interface', (text) => text),
    mode: member(network, 'mode'),
    isRelayed: member(network, 'relayed') !== undefined,
    probe: member(network, 'probe'),
    address,
    subnet:
      readText(network, 'relayed', readSubnet) ??
      (own?.prefixLength === undefined ? undefined : subnetOf(own.address, own.prefixLength)),
    hasPool: member(network, 'pool') !== undefined,
    hasProxyOffer: member(network, 'proxy-offer') !== undefined,
    hasLink: member(network, 'link') !== undefined,
    pool: readText(network, 'pool', readPool),
    router: readText(network, 'router', parseIpv4),
    dns: itemsOf(network, 'dns').map((item) => (typeof item === 'string' ? parseIpv4(item) : undefined)),
    reservations: itemsOf(network, 'reservations').map((reservation, index) => ({
      at: [...at, 'reservations', index],
      mac: macOf(member(reservation, 'mac')),
      address: readText(reservation, 'address', parseIpv4),
    })),
  }
}

function findingsInNetwork(network: NetworkView): readonly Finding[] {
  const { at, subnet, pool, reservations } = network
  const findings: Finding[] = []
  const value = (place: readonly (string | number)[], because: string, nextStep?: string) => {
    findings.push({
      at: [...at, ...place],
      on: 'value',
      because,
      ...(nextStep === undefined ? {} : { nextStep }),
    })
  }
  if (network.mode === 'full' && !network.hasPool && reservations.length === 0) {
    value(
      ['mode'],
      'Mode full has no addresses to give: there is neither a pool nor a reservation.',
      'Add `pool: FIRST-LAST`, or use mode proxy or observe.',
    )
  }
  if (network.mode === 'proxy' && network.hasPool) {
    value(
      ['pool'],
      'In mode proxy another server gives the addresses, so this pool would never be used.',
      'Leave the pool out, or use mode full.',
    )
  }
  if (network.mode !== 'proxy' && network.hasProxyOffer) {
    value(
      ['proxy-offer'],
      'Only in mode proxy is there an offer beside that of another server, so this would never be used.',
      'Leave it out, or use mode proxy.',
    )
  }
  if (network.isRelayed && network.name === undefined) {
    value(
      ['relayed'],
      'A network behind a relay needs a name: its interface is that of another.',
      'Add `name: NAME`.',
    )
  }
  if (network.isRelayed && network.probe === true) {
    value(
      ['probe'],
      'Addresses behind a relay cannot be probed: ARP does not pass a router.',
      'Leave it out.',
    )
  }
  if (network.isRelayed && network.address !== undefined) {
    value(
      ['address'],
      'The box has no address behind a relay.',
      'Leave it out: the address of the interface counts.',
    )
    return findings
  }
  const notHost =
    subnet === undefined || network.address === undefined ? undefined : whyNotHost(subnet, network.address)
  if (notHost !== undefined) value(['address'], notHost)
  if (subnet !== undefined && network.router !== undefined) {
    const because = whyNotHost(subnet, network.router)
    if (because !== undefined) value(['router'], because)
  }
  if (pool !== undefined) findings.push(...findingsInPool(network, pool))

  const taken: readonly (readonly [string, Ipv4 | undefined])[] = [
    ['the box itself', network.address],
    ['the router', network.router],
    ...network.dns.map((address) => ['a DNS server', address] as const),
  ]
  for (const reservation of reservations) {
    const { address } = reservation
    if (address === undefined) continue
    const owner = taken.find(([, other]) => other === address)?.[0]
    const because =
      owner === undefined
        ? subnet === undefined
          ? undefined
          : whyNotHost(subnet, address)
        : `${address} belongs to ${owner}.`
    if (because !== undefined) findings.push({ at: [...reservation.at, 'address'], on: 'value', because })
  }
  for (const [owner, address] of taken) {
    if (address === undefined || pool === undefined || !holds(pool, address)) continue
    value(
      ['pool'],
      `The pool holds ${address}, which belongs to ${owner}; it would be given away.`,
      'Leave it out of the pool.',
    )
  }
  findings.push(
    ...twice(
      reservations.map(({ at, mac }) => ({ at: [...at, 'mac'], key: mac })),
      (mac) => ({ because: `${mac} already has a reservation in this network.` }),
    ),
    ...twice(
      reservations.map(({ at, address }) => ({ at: [...at, 'address'], key: address })),
      (address) => ({ because: `${address} is already reserved for another machine.` }),
    ),
  )
  return findings
}

function findingsInPool(
  network: NetworkView,
  pool: { readonly first: Ipv4; readonly last: Ipv4 },
): readonly Finding[] {
  const at = [...network.at, 'pool']
  const [first, last] = [numberOfIpv4(pool.first), numberOfIpv4(pool.last)]
  if (first > last) {
    return [
      {
        at,
        on: 'value',
        because: `The pool ends with ${pool.last}, before it begins.`,
        nextStep: `Write ${pool.last}-${pool.first}.`,
      },
    ]
  }
  if (last - first >= mostAddresses) {
    return [
      {
        at,
        on: 'value',
        because: `The pool holds ${last - first + 1} addresses; at most ${mostAddresses} are served.`,
      },
    ]
  }
  const { subnet } = network
  if (subnet === undefined) return []
  return [pool.first, pool.last].flatMap((address) => {
    const because = whyNotHost(subnet, address)
    return because === undefined ? [] : [{ at, on: 'value' as const, because }]
  })
}

function whyNotHost(subnet: Subnet, address: Ipv4): string | undefined {
  const block = `${subnet.network}/${subnet.prefixLength}`
  if (!contains(subnet, address)) return `${address} lies outside ${block}.`
  if (address === subnet.network) return `${address} is the address of the network ${block} itself.`
  return address === broadcastOf(subnet) ? `${address} is the broadcast address of ${block}.` : undefined
}

function overlaps(networks: readonly NetworkView[]): readonly Finding[] {
  return networks.flatMap(({ at, pool }, index) => {
    if (pool === undefined) return []
    const other = networks
      .slice(0, index)
      .find((earlier) => earlier.pool !== undefined && meet(earlier.pool, pool))
    if (other === undefined) return []
    const because = `The pool overlaps that of ${pathName(other)}.`
    return [
      {
        at: [...at, 'pool'],
        on: 'value' as const,
        because,
        nextStep: 'An address may belong to one network only.',
      },
    ]
  })
}

function pathName(network: NetworkView): string {
  return network.name ?? network.interface ?? `networks[${String(network.at[1])}]`
}

type Range = { readonly first: Ipv4; readonly last: Ipv4 }

function meet(a: Range, b: Range): boolean {
  return numberOfIpv4(a.first) <= numberOfIpv4(b.last) && numberOfIpv4(b.first) <= numberOfIpv4(a.last)
}

function holds(pool: Range, address: Ipv4): boolean {
  return meet(pool, { first: address, last: address })
}

function findingsInMachines(settings: unknown): readonly Finding[] {
  const images = itemsOf(settings, 'images').map((image) => readText(image, 'name', (text) => text))
  const names = [...new Set(images.filter((name) => name !== undefined))]
  const machines = itemsOf(settings, 'machines').map((machine, index) => ({
    at: ['machines', index],
    machine,
  }))
  const defaults = member(settings, 'defaults')
  const findings: Finding[] = []
  for (const { at, rule } of rulesOf(settings)) {
    const method = member(rule, 'method') ?? member(defaults, 'method') ?? 'ram'
    const isOfDisk = ['method', 'disk', 'wipe'].some((key) => member(rule, key) !== undefined)
    if (!isOfDisk) continue
    findings.push(...findingsOfDisk({ at, machine: rule, defaults, method, folders: names.length }))
  }
  // Whether an image that is named is there is no matter of this file: the store may have it.
  for (const { at, machine } of machines) {
    const method = member(machine, 'method') ?? member(defaults, 'method') ?? 'ram'
    const image = member(machine, 'image') ?? member(defaults, 'image')
    findings.push(...findingsOfDisk({ at, machine, defaults, method, folders: names.length }))
    if (method !== 'ram' || image !== undefined || names.length === 1) continue
    findings.push({
      at,
      on: 'value',
      because: 'Method ram needs an image, and none is named for this machine.',
      nextStep: 'Add `image: NAME` here or under defaults.',
    })
  }
  return [
    ...findings,
    ...twice(
      images.map((key, index) => ({ at: ['images', index, 'name'], key })),
      (name) => ({ because: `Another image is already named ${name}.` }),
    ),
    ...twice(
      machines.map(({ at, machine }) => ({ at: [...at, 'mac'], key: macOf(member(machine, 'mac')) })),
      (mac) => ({ because: `${mac} is already listed above.` }),
    ),
    ...twice(
      machines.map(({ at, machine }) => ({
        at: [...at, 'hostname'],
        key: readText(machine, 'hostname', (text) => text),
      })),
      (name) => ({ because: `Another machine is already named ${name}.` }),
    ),
  ]
}

/** The rules of `approve` that are more than a card. */
function rulesOf(settings: unknown): readonly { readonly at: SettingsPath; readonly rule: unknown }[] {
  return itemsOf(settings, 'approve').flatMap((rule, index) =>
    typeof rule === 'object' && rule !== null ? [{ at: ['approve', index], rule }] : [],
  )
}

/** What is written, and by what; and what is said of a disk that nothing writes. */
function findingsOfDisk({
  at,
  machine,
  defaults,
  method,
  folders,
}: {
  readonly at: SettingsPath
  readonly machine: unknown
  readonly defaults: unknown
  readonly method: unknown
  readonly folders: number
}): readonly Finding[] {
  const has = (key: string) => (member(machine, key) ?? member(defaults, key)) !== undefined
  if (method === 'autoinstall') return findingsOfInstaller({ at, machine, hasImage: has('image') })
  if (method !== 'disk') {
    return ['ephemeral', 'disk', 'wipe'].flatMap((key) =>
      member(machine, key) === undefined
        ? []
        : [
            {
              at: [...at, key],
              on: 'key' as const,
              because: `Only with method disk is a disk written, so ${key} would never be used.`,
              nextStep: 'Leave it out, or say `method: disk`.',
            },
          ],
    )
  }
  const findings: Finding[] = []
  if (!has('image')) {
    const nextStep = 'Add `image: NAME` here or under defaults; `ironwake images list` shows them.'
    const because = 'Method disk writes an image, and none is named for this machine.'
    findings.push({ at, on: 'value', because, nextStep })
  }
  if (!has('ephemeral') && folders !== 1) {
    const because = 'Method disk boots a system in memory that writes the disk, and none is named.'
    const nextStep = 'Add `ephemeral: NAME` here or under defaults, as of an image that method ram could run.'
    findings.push({ at, on: 'value', because, nextStep })
  }
  return findings
}

function findingsOfInstaller({
  at,
  machine,
  hasImage,
}: {
  readonly at: SettingsPath
  readonly machine: unknown
  readonly hasImage: boolean
}): readonly Finding[] {
  const findings: Finding[] = []
  if (!hasImage) {
    const nextStep = 'Add `image: NAME` here or under defaults, as ubuntu-24.04-iso-amd64.'
    const because = 'Method autoinstall boots the installer of an image, and none is named for this machine.'
    findings.push({ at, on: 'value', because, nextStep })
  }
  if (member(machine, 'ephemeral') !== undefined) {
    findings.push({
      at: [...at, 'ephemeral'],
      on: 'key',
      because: 'With method autoinstall the installer of the image writes, so ephemeral would never be used.',
      nextStep: 'Leave it out, or say `method: disk`.',
    })
  }
  return findings
}

/** What keeps a machine from becoming a node of the cluster that it is written for. */
function findingsOfNodes(settings: unknown): readonly Finding[] {
  const defaults = member(settings, 'defaults')
  const listen = member(member(settings, 'api'), 'listen') ?? []
  const hasApi = !Array.isArray(listen) || listen.length > 0
  const machines = itemsOf(settings, 'machines').map((machine, index) => ({
    at: ['machines', index],
    machine,
  }))
  const rules = rulesOf(settings).map(({ at, rule }) => ({ at, machine: rule }))
  return [...rules, { at: ['defaults'], machine: defaults }, ...machines].flatMap(({ at, machine }) => {
    const findings: Finding[] = []
    const find = (key: string, on: Finding['on'], because: string, nextStep: string) =>
      findings.push({ at: [...at, key], on, because, nextStep })
    const its = (key: string) => member(machine, key) ?? member(defaults, key)
    if (member(machine, 'cluster') !== undefined) {
      if (!hasApi) {
        const because = 'A machine enters a cluster through the API of this box, and the API is off.'
        find('cluster', 'value', because, 'Add `api: {listen: networks}`.')
      }
      if (its('method') === 'local') {
        const because = 'Method local boots what is on the disk already, which no cluster is told of.'
        find('cluster', 'key', because, 'Leave it out, or say `method: disk`.')
      }
    }
    const zone = member(machine, 'zone')
    const label = member(its('labels'), 'topology.kubernetes.io/zone')
    if (zone !== undefined && label !== undefined && zone !== label) {
      const because = 'The label topology.kubernetes.io/zone says another zone.'
      find('zone', 'value', because, 'Leave one of the two out.')
    }
    return findings
  })
}

function findingsInPorts(settings: unknown): readonly Finding[] {
  const http = member(settings, 'http')
  const api = member(settings, 'api')
  const [port, delivery] = [member(http, 'port') ?? 8080, member(http, 'delivery-port') ?? 8081]
  const apiPort = member(api, 'port') ?? 8443
  const shared: Finding[] =
    member(api, 'listen') !== undefined &&
    typeof apiPort === 'number' &&
    (apiPort === port || apiPort === delivery)
      ? [
          {
            at: ['api', member(api, 'port') === undefined ? 'listen' : 'port'],
            on: 'value',
            because: `The API cannot share port ${apiPort} with what is served by HTTP.`,
            nextStep: 'Choose another port for one of the two.',
          },
        ]
      : []
  if (typeof port !== 'number' || port !== delivery) return shared
  const at = ['http', member(http, 'delivery-port') === undefined ? 'port' : 'delivery-port']
  return [
    ...shared,
    {
      at,
      on: 'value',
      because: `Scripts and images cannot share port ${port}.`,
      nextStep: 'Choose another port for one of the two.',
    },
  ]
}

/** A finding for each key that stood before. */
function twice(
  items: readonly { readonly at: SettingsPath; readonly key: string | undefined }[],
  tell: (key: string) => { readonly because: string; readonly nextStep?: string },
): readonly Finding[] {
  const seen = new Set<string>()
  return items.flatMap(({ at, key }) => {
    if (key === undefined) return []
    if (seen.has(key)) return [{ at, on: 'value' as const, ...tell(key) }]
    seen.add(key)
    return []
  })
}

function macOf(value: unknown): string | undefined {
  const read = readMac(value)
  return 'mac' in read ? read.mac : undefined
}

function member(group: unknown, key: string): unknown {
  return typeof group === 'object' && group !== null && Object.hasOwn(group, key)
    ? Reflect.get(group, key)
    : undefined
}

function itemsOf(group: unknown, key: string): readonly unknown[] {
  const items = member(group, key)
  return Array.isArray(items) ? items : []
}

function readText<T>(group: unknown, key: string, read: (text: string) => T | undefined): T | undefined {
  const value = member(group, key)
  return typeof value === 'string' ? read(value) : undefined
}
