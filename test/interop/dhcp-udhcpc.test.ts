import t from 'tap'
import { sharedBox } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { sniff } from './sniff.ts'

// BusyBox's udhcpc, the client of initrds and of small systems, against the appliance as a user starts it.

const needed = needs('udhcpc')
const pxe = ['-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007']

const settings = `
networks:
  - name: lab
    interface: lab
    mode: full
    pool: 10.77.0.100-10.77.0.120
    router: 10.77.0.254
    dns: [10.77.0.2, 10.77.0.3]
    domain: rack.example
    lease: {firmware: 90, system: 1h}
    reservations: [{mac: "52:54:00:00:00:0a", address: 10.77.0.20, hostname: node-a}]
  - {name: tiny, interface: tiny, mode: full, pool: 10.78.0.10-10.78.0.10}
  - {name: blind, interface: blind, mode: full, pool: 10.80.0.100-10.80.0.120, probe: false}
`
const networks = [
  { name: 'lab', addresses: ['10.77.0.1/24'] },
  { name: 'tiny', addresses: ['10.78.0.1/24'] },
  { name: 'blind', addresses: ['10.80.0.1/24'] },
]

const theBox = sharedBox(t, { networks, settings })

t.test('udhcpc is bound with all that the settings say', needed, async (t) => {
  const box = await theBox()
  const neighbour = await box.addNeighbour('lab', { mac: '52:54:00:00:00:01' })
  using wire = sniff(neighbour.name)
  const options = ['router', 'dns', 'domain', 'subnet', 'broadcast', 'lease'].flatMap((name) => ['-O', name])
  await using client = await udhcpc(neighbour, ['-T', '20', '-x', 'hostname:node-1', ...options])
  const told = await client.next(['bound'])
  t.match(told, {
    ip: /^10\.77\.0\.1[012][0-9]$/,
    mask: '24',
    subnet: '255.255.255.0',
    broadcast: '10.77.0.255',
    router: '10.77.0.254',
    dns: '10.77.0.2 10.77.0.3',
    domain: 'rack.example',
    serverid: '10.77.0.1',
    lease: '3600',
  })
  t.equal(told['boot_file'], undefined, 'a system is told to boot nothing')

  client.signal('SIGUSR1')
  const renewed = await client.next(['renew'])
  t.match(renewed, { ip: told['ip'], lease: '3600' }, 'a renewal keeps the address')
  const last = wire.dhcp('ack').at(-1)
  t.match(
    last,
    { from: '10.77.0.1', to: told['ip'], toMac: '52:54:00:00:00:01' },
    'and is answered to it alone',
  )
  t.equal(wire.dhcp('ack').length, 2)
  t.equal(wire.dhcp('offer').length, 1)
  t.same(
    (await box.machines()).map(({ machine }) => machine.macs).flat(),
    [],
    'a client of addresses is no machine',
  )
})

t.test('udhcpc gets the address reserved for it, and its name', needed, async (t) => {
  const box = await theBox()
  const neighbour = await box.addNeighbour('lab', { mac: '52:54:00:00:00:0a' })
  await using client = await udhcpc(neighbour, ['-O', 'hostname'])
  t.match(await client.next(['bound']), { ip: '10.77.0.20', hostname: 'node-a' })
})

t.test('udhcpc as PXE firmware gets the boot program, a short lease and a record', needed, async (t) => {
  const box = await theBox()
  const mac = '52:54:00:00:00:02'
  const neighbour = await box.addNeighbour('lab', { mac })
  await using client = await udhcpc(neighbour, [...pxe, '-O', 'bootfile', '-O', 'tftp'])
  const told = await client.next(['bound'])
  t.match(told, { lease: '90', siaddr: '10.77.0.1' })
  t.match(told['boot_file'] ?? told['bootfile'], /^(?:snponly|ipxe)\.efi$/)
  const [summary] = await box.machines()
  t.match(summary, {
    machine: { macs: [mac], state: 'discovered', firmware: 'uefi' },
    attempt: { mac, stage: 'firmware' },
    lease: { address: told['ip'], state: 'leased', network: 'lab' },
  })
  t.same(
    (await box.events())
      .filter((event) => event.machine === summary?.machine.id)
      .map((recorded) => recorded.event.kind)
      .slice(0, 6),
    [
      'machine-discovered',
      'attempt-started',
      'firmware-asked',
      'address-offered',
      'boot-offered',
      'address-leased',
    ],
  )
  client.signal('SIGUSR1')
  t.match(await client.next(['renew']), { ip: told['ip'], lease: '90' })
  client.signal('SIGUSR2')
  await client.next(['deconfig'])
  const released = await box.appliance.waitFor('address-released', (event) => event.mac === mac, {
    withinMs: 60_000,
  })
  t.match(released.event, { released: told['ip'] })
})

t.test(
  'udhcpc declines an address that somebody uses where none is probed, and gets another',
  needed,
  async (t) => {
    const box = await theBox()
    const holder = await box.addNeighbour('blind', { mac: '52:54:00:00:00:03' })
    // What the next client is offered is known from one that goes away again without a REQUEST of its own.
    const scout = await box.addNeighbour('blind', { mac: '52:54:00:00:00:04' })
    await using first = await udhcpc(scout)
    const { ip: free = '' } = await first.next(['bound'])
    first.signal('SIGUSR2')
    await first.next(['deconfig'])
    await holder.run(['ip', 'address', 'add', `${free}/24`, 'dev', 'eth0'])

    using wire = sniff(scout.name)
    const mac = '52:54:00:00:00:04'
    await using client = await udhcpc(scout, ['-a', '-A', '1', '-r', free])
    const declined = await box.appliance.waitFor('address-declined', (event) => event.mac === mac, {
      withinMs: 60_000,
    })
    t.match(declined.event, { declined: free, quarantineSeconds: 600 })
    t.match(wire.dhcp('ack')[0]?.message, { yiaddr: free }, 'it had been told that the address is its own')
    const told = await client.next(['bound'])
    t.not(told['ip'], free)
    t.match(told['ip'], /^10\.80\.0\.1/)

    const other = await box.addNeighbour('blind', { mac: '52:54:00:00:00:05' })
    await using greedy = await udhcpc(other, ['-r', free])
    t.not((await greedy.next(['bound']))['ip'], free, 'nobody gets it for a while')
  },
)

t.test('udhcpc gives its address back for the next client', needed, async (t) => {
  const box = await theBox()
  const [one, two] = [
    await box.addNeighbour('tiny', { mac: '52:54:00:00:01:01' }),
    await box.addNeighbour('tiny', { mac: '52:54:00:00:01:02' }),
  ]
  await using holder = await udhcpc(one)
  t.match(await holder.next(['bound']), { ip: '10.78.0.10', serverid: '10.78.0.1' })
  await using waiting = await udhcpc(two, ['-t', '2', '-T', '1', '-A', '1'])
  await waiting.next(['leasefail'])
  const full = await box.appliance.waitFor('pool-exhausted', (event) => event.network === 'tiny', {
    withinMs: 60_000,
  })
  t.match(full.event, { mac: '52:54:00:00:01:02', because: /none of the 1 addresses/ })
  t.notOk(
    waiting.told.some((told) => told.event === 'bound'),
    'one address is not given twice',
  )
  holder.signal('SIGUSR2')
  t.match(await waiting.next(['bound']), { ip: '10.78.0.10' })
})
