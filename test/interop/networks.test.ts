import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { encode } from '../../server/dhcp/encode.ts'
import { openUdp } from '../../server/listen/udp-socket.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { golden } from '../dhcp/golden.ts'
import { ip } from '../networks/a-network.ts'
import { openBox, until } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { inside } from './inside.ts'
import { needs } from './needs.ts'
import { sniff } from './sniff.ts'

// One box on four networks: two that it owns, one that it observes, and one that its settings do not name.

const needed = needs('udhcpc')
t.setTimeout(600_000)
const networks = [
  { name: 'rack-1', addresses: ['10.81.0.1/24'] },
  { name: 'rack-2', addresses: ['10.82.0.1/16', '10.82.9.9/16'] },
  { name: 'office', addresses: ['192.168.83.5/24'] },
  { name: 'unnamed', addresses: ['172.16.84.1/24'] },
]
const settings = `
approve: all
networks:
  - {interface: rack-1, mode: full, pool: 10.81.0.100-10.81.0.150, router: 10.81.0.254}
  - {interface: rack-2, mode: full, address: 10.82.9.9/16, pool: 10.82.3.1-10.82.4.255}
  - {interface: office, mode: observe, pool: 192.168.83.100-192.168.83.120}
`
const patience = ['-t', '2', '-T', '1', '-A', '60']
const pxe = ['-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007']

t.test('each network is answered as its settings say, and none hears of another', needed, async (t) => {
  await using box = await openBox({ networks, settings })
  const listening = await Promise.all(
    networks.map(async ({ name }) => {
      const neighbour = await box.addNeighbour(name)
      const { stdout } = await box.namespace.run(['cat', `/sys/class/net/${name}/address`])
      return { name, boxMac: stdout.trim() as Mac, neighbour, wire: sniff(neighbour.name) }
    }),
  )
  const on = (name: string) => listening.find((one) => one.name === name)!
  const fromBox = (name: string) =>
    on(name).wire.ipv4.filter((frame) => frame.toString('hex', 6, 12) === on(name).boxMac.replaceAll(':', ''))

  const macs = { 'rack-1': '52:54:00:05:00:01', 'rack-2': '52:54:00:05:00:02' } as const
  for (const [name, expected] of [
    ['rack-1', { ip: /^10\.81\.0\.1[0-5][0-9]$/, serverid: '10.81.0.1', mask: '24', router: '10.81.0.254' }],
    ['rack-2', { ip: /^10\.82\.[34]\.[0-9]+$/, serverid: '10.82.9.9', mask: '16' }],
  ] as const) {
    // The pools have just begun to wait for the word of other servers.
    await using client = await udhcpc(await box.addNeighbour(name, { mac: macs[name] }), [
      '-t',
      '20',
      '-T',
      '1',
      ...pxe,
    ])
    const told = await client.next(['bound'])
    t.match(told, { ...expected, siaddr: expected.serverid })
    t.ok(on(name).wire.dhcp('ack').length > 0, 'its own wire has seen the answer')
    t.ok(
      on(name)
        .wire.dhcp()
        .every(({ from, fromMac }) => from === expected.serverid || fromMac === macs[name]),
    )
  }
  for (const [own, other] of [
    ['rack-1', 'rack-2'],
    ['rack-2', 'rack-1'],
  ] as const) {
    const stray = on(own)
      .wire.dhcp()
      .filter(({ message, fromPort }) => {
        // The box looks for other servers, as a client of each network.
        const isSearch = message.op === 1 && fromPort === 68 && message.options.get(61)?.[0] === 0
        return !isSearch && message.chaddr[5] !== Number(macs[own].slice(-2))
      })
    t.same(stray, [], `nothing for ${other} was on ${own}`)
  }

  const seen = { office: '52:54:00:05:00:03', unnamed: '52:54:00:05:00:04' } as const
  for (const name of ['office', 'unnamed'] as const) {
    await using client = await udhcpc(await box.addNeighbour(name, { mac: seen[name] }), [
      ...patience,
      ...pxe,
    ])
    await client.next(['leasefail'])
    t.notOk(client.told.some(({ event }) => event === 'bound'))
    await until('it has asked twice', () => on(name).wire.dhcp('discover').length >= 2)
    t.same(fromBox(name), [], `the box sent nothing at all on ${name}`)
  }
  const [would] = await box.events('would-answer')
  t.match(would?.event, {
    network: 'office',
    mac: seen.office,
    client: /PXE firmware/,
    answer: /192\.168\.83\.100 to 192\.168\.83\.120; .*\.efi/,
  })
  const told = JSON.stringify([box.appliance.happened, await box.events(), await box.machines()])
  t.notOk(told.includes('unnamed'))
  t.notOk(told.includes(seen.unnamed), 'of the unnamed network nothing is known')
  t.same(
    (await box.machines()).map(({ machine }) => machine.macs[0]),
    Object.values(macs),
    'two machines',
  )
  for (const { wire } of listening) wire[Symbol.dispose]()
})

t.test('who asks for an address of another network is not heard there', needed, async (t) => {
  await using box = await openBox({ networks, settings })
  // The kernel takes a datagram for any address of the box at any of its interfaces; the appliance must not.
  const server = ip('10.81.0.1')
  const asked = async (network: string, own: string, most = 3): Promise<readonly string[]> => {
    const neighbour = await box.addNeighbour(network)
    await neighbour.run(['ip', 'address', 'add', `${own}/24`, 'dev', 'eth0'])
    await neighbour.run(['ip', 'route', 'replace', '10.81.0.0/24', 'dev', 'eth0'])
    const heard: string[] = []
    const listen = (port: number) =>
      inside(neighbour.name, () =>
        openUdp({ address: ip(own), port }, (datagrams) => {
          for (const { from } of datagrams) heard.push(from.port === 67 ? 'DHCP' : 'TFTP')
        }),
      )
    await using dhcp = listen(68)
    await using tftp = listen(0)
    // The first datagram waits for the box's MAC address, which it gives for all its addresses alike; and the pool may
    // still be waiting for the word of another server.
    const inform = { ...golden('inform'), ciaddr: ip(own) }
    for (let time = 0; time < most && !(heard.includes('DHCP') && heard.includes('TFTP')); time++) {
      dhcp.send(encode(inform).bytes, { address: server, port: 67 })
      tftp.send(Buffer.from('\0\u0001snponly.efi\0octet\0'), { address: server, port: 69 })
      await pause(300)
    }
    return [...new Set(heard)].sort()
  }
  t.same(await asked('rack-1', '10.81.0.77', 100), ['DHCP', 'TFTP'], 'on its own network it is')
  t.same(await asked('unnamed', '10.81.0.78'), [])
  t.same(await asked('rack-2', '10.81.0.79'), [])
  const told = JSON.stringify([box.appliance.happened, await box.events()])
  t.notMatch(told, /10\.81\.0\.78|unnamed/)
})

t.test('with no settings every network is observed, and nothing is sent on any', needed, async (t) => {
  await using box = await openBox({ networks, settings: '' })
  for (const [index, { name }] of networks.entries()) {
    const mac = `52:54:00:05:01:0${index}`
    const neighbour = await box.addNeighbour(name, { mac })
    using wire = sniff(neighbour.name)
    await using client = await udhcpc(neighbour, ['-t', '1', '-T', '1', '-A', '60', ...pxe])
    await client.next(['leasefail'])
    t.same(wire.ipv4, [], name)
    const told = await box.appliance.waitFor('would-answer', (event) => event.network === name, {
      withinMs: 60_000,
    })
    t.equal(told.event.mac, mac)
  }
})
