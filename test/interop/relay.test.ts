import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { encode } from '../../server/dhcp/encode.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { openUdp, type UdpSocket } from '../../server/listen/udp-socket.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { golden, messageOf } from '../dhcp/golden.ts'
import { ip } from '../networks/a-network.ts'
import { openBox, until, type Box } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { inside } from './inside.ts'
import { needs } from './needs.ts'
import { startFirmware } from './pxe-firmware.ts'
import { sniff, withoutRepeats } from './sniff.ts'

// A rack behind a router that relays DHCP: dnsmasq, and ISC's dhcrelay, which says by option 82 where a client is. The box
// has no interface there, and a route.

t.setTimeout(600_000)
const needed = needs('dnsmasq', 'dhcrelay', 'udhcpc', 'atftp', 'curl')
const networks = [
  { name: 'lab', addresses: ['10.88.0.1/24'] },
  { name: 'rack', addresses: [] },
]
const settings = `
networks:
  - {interface: lab, mode: full, pool: 10.88.0.100-10.88.0.120}
  - {name: rack-9, interface: lab, relayed: 10.9.0.0/24, mode: full, pool: 10.9.0.100-10.9.0.120, router: 10.9.0.1}
`

const relays = {
  dnsmasq:
    'dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --pid-file= --dhcp-relay=10.9.0.1,10.88.0.1',
  dhcrelay: 'dhcrelay -4 -d -a --no-pid -iu eth0 -id eth1 10.88.0.1',
  /** Its address in the box's network stands for it, and option 82 for that of the client (RFC 3527). */
  linkSelecting: 'dhcrelay -4 -d -a --no-pid -U eth0 -id eth1 10.88.0.1',
} as const

/** A router between the box's network and the rack's, which passes DHCP on. */
async function addRelay(box: Box, name: keyof typeof relays = 'dnsmasq'): Promise<NetworkNamespace> {
  const relay = await box.addNeighbour('lab')
  const link = 'ip link add plug type veth peer name eth1 netns'.split(' ')
  await box.namespace.run([...link, relay.name])
  await box.namespace.run('ip link set plug master rack up'.split(' '))
  for (const words of [
    'ip address add 10.88.0.9/24 dev eth0',
    'ip address add 10.9.0.1/24 dev eth1',
    'ip link set eth1 up',
    'sysctl -qw net.ipv4.ip_forward=1',
  ]) {
    await relay.run(words.split(' '))
  }
  await box.namespace.run('ip route add 10.9.0.0/24 via 10.88.0.9'.split(' '))
  const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' }
  relay.start(relays[name].split(' '), { stdio: 'ignore', env })
  await pause(500)
  return relay
}

for (const name of ['dnsmasq', 'dhcrelay'] as const) {
  t.test(`a machine behind ${name} boots from a box that has no interface there`, needed, async (t) => {
    await using box = await openBox({ networks, settings })
    await addRelay(box, name)
    const mac = '52:54:00:88:00:01' as Mac
    const machine = await box.addNeighbour('rack', { mac })
    using wire = sniff(machine.name)
    const { address, server, offers } = await startFirmware(machine, mac)
    t.match(address, /^10\.9\.0\.1[012][0-9]$/)
    t.equal(server, '10.88.0.1')
    for (const offer of offers)
      t.match(offer, { siaddr: '10.88.0.1', file: 'snponly.efi', giaddr: '10.9.0.1' })
    t.ok(
      wire.dhcp('offer').every(({ from }) => from === '10.9.0.1'),
      'the relay brought it',
    )

    await machine.run('ip route add default via 10.9.0.1'.split(' '))
    await machine.run(['atftp', '--get', '-r', 'snponly.efi', '-l', join(box.folder, 'fetched'), '10.88.0.1'])
    const query = `mac=${mac.replaceAll(':', '-')}&ip=${address}`
    const { stdout } = await machine.run(['curl', '-sS', `http://10.88.0.1:8080/boot.ipxe?${query}`])
    t.match(stdout, /^#!ipxe[^]*it is not approved/)
    const end = await box.appliance.waitFor('attempt-ended', () => true, { withinMs: 60_000 })
    const told = (await box.events()).filter(
      ({ attempt }) => attempt !== undefined && attempt === end.attempt,
    )
    for (const kind of ['firmware-asked', 'address-leased', 'program-sent', 'script-served']) {
      t.ok(
        told.some(({ event }) => event.kind === kind),
        `${kind} belongs to the boot`,
      )
    }
    t.match(told.find(({ event }) => event.kind === 'address-leased')?.event, {
      network: 'rack-9',
      leased: address,
    })
  })
}

t.test(
  'a system behind a relay renews over the router, and the box’s own wire is served beside',
  needed,
  async (t) => {
    await using box = await openBox({ networks, settings })
    await addRelay(box)
    const far = await box.addNeighbour('rack')
    await using system = await udhcpc(far)
    const bound = await system.next(['bound'])
    t.match(bound, { ip: /^10\.9\.0\.1[012][0-9]$/, serverid: '10.88.0.1', router: '10.9.0.1', mask: '24' })
    await far.run('ip route add default via 10.9.0.1'.split(' '))
    using wire = sniff(far.name)
    system.signal('SIGUSR1')
    t.match(await system.next(['renew', 'bound']), { event: 'renew', ip: bound['ip'] })
    t.match(wire.dhcp('ack'), [{ from: '10.88.0.1', to: bound['ip'] }], 'by unicast, past the relay')

    await using near = await udhcpc(await box.addNeighbour('lab'))
    t.match(await near.next(['bound']), { ip: /^10\.88\.0\.1[012][0-9]$/, serverid: '10.88.0.1' })
    t.same(await box.events('foreign-server-seen'), [])
  },
)

/** The sub-options of option 82 (RFC 3046 §2.0), by their codes. */
function relayOptions({ options }: DhcpMessage): ReadonlyMap<number, string> {
  const value = Buffer.from(options.get(82) ?? [])
  const found = new Map<number, string>()
  for (let at = 0; at + 2 <= value.length; at += 2 + value.readUInt8(at + 1)) {
    found.set(value.readUInt8(at), value.toString('latin1', at + 2, at + 2 + value.readUInt8(at + 1)))
  }
  return found
}

t.test('what a relay says in option 82 goes back to it as it came, and last', needed, async (t) => {
  await using box = await openBox({ networks, settings })
  const relay = await addRelay(box, 'dhcrelay')
  using toBox = sniff(box.namespace.name, 'lab')
  using toRelay = sniff(relay.name, 'eth0')
  const far = await box.addNeighbour('rack')
  using toClient = sniff(far.name)
  await using client = await udhcpc(far)
  t.match(await client.next(['bound']), { ip: /^10\.9\.0\.1[012][0-9]$/, serverid: '10.88.0.1' })

  const fromRelay = ({ from }: { readonly from: string }) => from === '10.88.0.9' || from === '10.9.0.1'
  const asked = toBox.dhcp().filter(fromRelay)
  t.same(new Set(asked.map(({ type }) => type)), new Set(['discover', 'request']))
  const answered = toRelay.dhcp().filter(({ from, message }) => from === '10.88.0.1' && message.op === 2)
  t.same(withoutRepeats(answered.map(({ type }) => type)), ['offer', 'ack'])
  for (const { message, to, toPort } of answered) {
    t.match({ to, toPort }, { to: '10.9.0.1', toPort: 67 }, 'to the port of relays')
    t.equal(relayOptions(message).get(1), 'eth1', 'the interface of the relay: its circuit')
    t.equal([...message.options.keys()].at(-1), 82)
    const request = asked.find(({ message: { xid } }) => xid === message.xid)
    t.same(message.options.get(82), request?.message.options.get(82))
  }
  t.ok(toClient.dhcp('offer').length > 0)
  t.notOk(
    toClient.dhcp().some(({ message }) => message.op === 2 && message.options.has(82)),
    'the relay keeps it from the client',
  )
})

t.test('a relay may stand in the box’s own network and select the link of the client', needed, async (t) => {
  await using box = await openBox({ networks, settings })
  const relay = await addRelay(box, 'linkSelecting')
  using toRelay = sniff(relay.name, 'eth0')
  await using client = await udhcpc(await box.addNeighbour('rack'))
  t.match(await client.next(['bound']), { ip: /^10\.9\.0\.1[012][0-9]$/, router: '10.9.0.1', mask: '24' })
  const offers = toRelay.dhcp('offer').filter(({ from }) => from === '10.88.0.1')
  t.match(offers[0], { to: '10.88.0.9', toPort: 67, message: { giaddr: '10.88.0.9' } })
  const selected = relayOptions(offers[0]!.message).get(5)
  t.same([...Buffer.from(selected ?? '', 'latin1')].slice(0, 3), [10, 9, 0], 'RFC 3527: another network')
})

t.test('a client may select its subnet, and its relay the port of the answer', needed, async (t) => {
  await using box = await openBox({ networks, settings })
  // No relay at hand passes these options on: a socket in the place of one.
  const relay = await box.addNeighbour('lab')
  await relay.run('ip address add 10.88.0.9/24 dev eth0'.split(' '))
  const heard: { readonly port: number; readonly message: DhcpMessage }[] = []
  const at = (port: number) =>
    inside(relay.name, () =>
      openUdp({ address: ip('10.88.0.9'), port }, (datagrams) => {
        for (const { bytes } of datagrams) heard.push({ port, message: messageOf(bytes) })
      }),
    )
  await using usual = at(67)
  await using other = at(1067)
  const ask = async (from: UdpSocket, xid: number, options: readonly (readonly [number, Uint8Array])[]) => {
    const discover = golden('discover-udhcpc')
    const message = {
      ...discover,
      xid,
      giaddr: ip('10.88.0.9'),
      options: new Map([...discover.options, ...options]),
    }
    const { bytes } = encode(message)
    // The pool waits for a second after the start.
    await until('an answer', () => {
      from.send(bytes, { address: ip('10.88.0.1'), port: 67 })
      return heard.some((one) => one.message.xid === xid)
    })
    return heard.find((one) => one.message.xid === xid)
  }
  const selection: readonly [number, Uint8Array] = [118, Uint8Array.of(10, 9, 0, 0)]
  t.match(await ask(usual, 1, []), { port: 67, message: { yiaddr: /^10\.88\.0\./ } })
  const selected = await ask(usual, 2, [selection])
  t.match(selected, { port: 67, message: { yiaddr: /^10\.9\.0\./, giaddr: '10.88.0.9' } })
  t.same(selected?.message.options.get(118), selection[1], 'RFC 3011 §2: it goes back')
  const circuit = Uint8Array.of(1, 3, 7, 7, 7, 19, 0)
  const fromElsewhere = await ask(other, 3, [selection, [82, circuit]])
  t.match(fromElsewhere, { port: 1067, message: { yiaddr: /^10\.9\.0\./ } }, 'RFC 8357')
  t.same(fromElsewhere?.message.options.get(82), circuit)
  t.match(await ask(other, 4, [[82, circuit.subarray(0, 5)]]), { port: 67 }, 'and without it port 67')
  t.equal((await box.events('packet-malformed')).length, 0)
})
