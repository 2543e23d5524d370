import { mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { sharedBox, until, type Box } from './a-box.ts'
import { dhclient, dhclientFiles, type DhclientFiles } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { sniff, withoutRepeats } from './sniff.ts'

// ISC dhclient 4.4, the client of Debian and of Ubuntu's initrds, against the appliance as a user starts it.

const needed = needs('dhclient')
const settings = `
networks:
  - name: lab
    interface: lab
    mode: full
    pool: 10.77.0.100-10.77.0.120
    router: 10.77.0.254
    dns: [10.77.0.2, 10.77.0.3]
    domain: rack.example
    lease: {system: 12s}
  - {name: other, interface: other, mode: full, pool: 10.79.0.50-10.79.0.60}
`
const networks = [
  { name: 'lab', addresses: ['10.77.0.1/24'] },
  { name: 'other', addresses: ['10.79.0.1/24'] },
]
const theBox = sharedBox(t, { networks, settings })

async function filesIn(box: Box): Promise<DhclientFiles> {
  return await dhclientFiles(await mkdtemp(join(box.folder, 'dhclient-')))
}

/** dhclient writes its lease after its script has ended. */
async function leaseIsWritten({ leases }: DhclientFiles): Promise<void> {
  await until('the lease is written', async () => (await readFile(leases, 'utf8')).includes('fixed-address'))
}

t.test('dhclient is bound, and renews a short lease before it ends', needed, async (t) => {
  const box = await theBox()
  const neighbour = await box.addNeighbour('lab', { mac: '52:54:00:00:02:01' })
  using wire = sniff(neighbour.name)
  await using client = dhclient(neighbour, await filesIn(box))
  const told = await client.next(['BOUND'])
  t.match(told, {
    new_ip_address: /^10\.77\.0\.1[012][0-9]$/,
    new_subnet_mask: '255.255.255.0',
    new_broadcast_address: '10.77.0.255',
    new_routers: '10.77.0.254',
    new_domain_name_servers: '10.77.0.2 10.77.0.3',
    new_domain_name: 'rack.example',
    new_dhcp_server_identifier: '10.77.0.1',
    new_dhcp_lease_time: '12',
    new_dhcp_renewal_time: '6',
    new_dhcp_rebinding_time: '10',
  })
  const renewed = await client.next(['RENEW'])
  t.match(renewed, { new_ip_address: told['new_ip_address'], new_dhcp_lease_time: '12' })
  const ack = wire.dhcp('ack').at(-1)
  t.match(
    ack,
    { to: told['new_ip_address'], toMac: '52:54:00:00:02:01' },
    'the renewal was answered to it alone',
  )
})

t.test('dhclient that starts again asks for its address alone, and keeps it', needed, async (t) => {
  const box = await theBox()
  const mac = '52:54:00:00:02:02'
  const neighbour = await box.addNeighbour('lab', { mac })
  const files = await filesIn(box)
  let address: string | undefined
  {
    await using client = dhclient(neighbour, files)
    address = (await client.next(['BOUND']))['new_ip_address']
    await leaseIsWritten(files)
  }
  using wire = sniff(neighbour.name)
  await using client = dhclient(neighbour, files)
  t.match(await client.next(['REBOOT', 'BOUND']), { event: 'REBOOT', new_ip_address: address })
  t.same(
    wire.dhcp().map(({ type }) => type),
    ['ack'],
    'one REQUEST, one ACK',
  )
})

t.test('dhclient from another network is refused its address at once, and given one', needed, async (t) => {
  const box = await theBox()
  const mac = '52:54:00:00:02:03'
  const files = await filesIn(box)
  {
    await using client = dhclient(await box.addNeighbour('lab', { mac }), files)
    t.match(await client.next(['BOUND']), { new_ip_address: /^10\.77\./ })
    await leaseIsWritten(files)
  }
  const moved = await box.addNeighbour('other', { mac: '52:54:00:00:02:04' })
  await moved.run(['ip', 'link', 'set', 'eth0', 'address', mac])
  using wire = sniff(moved.name)
  await using client = dhclient(moved, files)
  t.match(await client.next(['BOUND']), {
    new_ip_address: /^10\.79\.0\.[56][0-9]$/,
    new_dhcp_server_identifier: '10.79.0.1',
  })
  t.same(withoutRepeats(wire.dhcp().map(({ type }) => type)), ['nak', 'offer', 'ack'])
  t.match(wire.dhcp('nak')[0], { to: '255.255.255.255', from: '10.79.0.1' })
  t.match(
    (await box.events('address-refused')).map(({ event }) => event),
    [{ mac, network: 'other', wanted: /^10\.77\./ }],
  )
})

t.test('what dhclient -r gives back, the next client may have', needed, async (t) => {
  const box = await theBox()
  const neighbour = await box.addNeighbour('other', { mac: '52:54:00:00:02:05' })
  const files = await filesIn(box)
  await using client = dhclient(neighbour, files)
  const { new_ip_address: address = '' } = await client.next(['BOUND'])
  await leaseIsWritten(files)
  await using leaving = dhclient(neighbour, files, ['-r'])
  t.equal(await leaving.ended, 0)
  t.match(
    leaving.told.map(({ event }) => event),
    ['RELEASE'],
  )

  const other = await box.addNeighbour('other', { mac: '52:54:00:00:02:06' })
  const wanting = await dhclientFiles(
    await mkdtemp(join(box.folder, 'dhclient-')),
    `send dhcp-requested-address ${address};`,
  )
  await using next = dhclient(other, wanting)
  t.match(await next.next(['BOUND']), { new_ip_address: address })
})
