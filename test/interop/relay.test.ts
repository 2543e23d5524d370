import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { openBox, type Box } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { startFirmware } from './pxe-firmware.ts'
import { sniff } from './sniff.ts'

// A rack behind a router that relays DHCP (dnsmasq). The box has no interface there, and a route.

t.setTimeout(120_000)
const needed = needs('dnsmasq', 'udhcpc', 'atftp', 'curl')
const networks = [
  { name: 'lab', addresses: ['10.88.0.1/24'] },
  { name: 'rack', addresses: [] },
]
const settings = `
networks:
  - {interface: lab, mode: full, pool: 10.88.0.100-10.88.0.120}
  - {name: rack-9, interface: lab, relayed: 10.9.0.0/24, mode: full, pool: 10.9.0.100-10.9.0.120, router: 10.9.0.1}
`

/** A router between the box's network and the rack's, which passes DHCP on. */
async function addRelay(box: Box): Promise<NetworkNamespace> {
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
  const dnsmasq =
    'dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --dhcp-relay=10.9.0.1,10.88.0.1'
  relay.start([...dnsmasq.split(' '), `--pid-file=${join(box.folder, 'relay.pid')}`], { stdio: 'ignore' })
  await pause(500)
  return relay
}

t.test('a machine behind a relay boots from a box that has no interface there', needed, async (t) => {
  await using box = await openBox({ networks, settings })
  await addRelay(box)
  const mac = '52:54:00:88:00:01' as Mac
  const machine = await box.addNeighbour('rack', { mac })
  using wire = sniff(machine.name)
  const { address, server, offers } = await startFirmware(machine, mac)
  t.match(address, /^10\.9\.0\.1[012][0-9]$/)
  t.equal(server, '10.88.0.1')
  t.match(offers, [{ siaddr: '10.88.0.1', file: 'snponly.efi', giaddr: '10.9.0.1' }])
  t.ok(
    wire.dhcp('offer').every(({ from }) => from === '10.9.0.1'),
    'the relay brought it',
  )

  await machine.run('ip route add default via 10.9.0.1'.split(' '))
  await machine.run(['atftp', '--get', '-r', 'snponly.efi', '-l', join(box.folder, 'fetched'), '10.88.0.1'])
  const query = `mac=${mac.replaceAll(':', '-')}&ip=${address}`
  const { stdout } = await machine.run(['curl', '-sS', `http://10.88.0.1:8080/boot.ipxe?${query}`])
  t.match(stdout, /^#!ipxe[^]*it is not approved/)
  const end = await box.appliance.waitFor('attempt-ended', () => true, { withinMs: 5_000 })
  const told = (await box.events()).filter(({ attempt }) => attempt !== undefined && attempt === end.attempt)
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
