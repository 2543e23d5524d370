import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { macOf } from '../../server/dhcp/hardware-address.ts'
import { openBox, type Box } from './a-box.ts'
import { joinBadly, mostLateMs, type Damage } from './bad-wire.ts'
import { dhclient, dhclientFiles, udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { newSeed } from './random.ts'
import { sniff } from './sniff.ts'

// Every client through a wire that loses a quarter of all frames, one that doubles them, one on which they overtake each
// other, and one that does all of it. The clients are real; the wire is two packet sockets.

const needed = needs('udhcpc', 'dhclient')
t.setTimeout(600_000)
const npmProgram = fileURLToPath(new URL('npm-dhcp-client.ts', import.meta.url))

const wires: readonly (readonly [string, Damage])[] = [
  ['loses frames', { lost: 0.25, doubled: 0, late: 0 }],
  ['doubles frames', { lost: 0, doubled: 0.5, late: 0 }],
  ['lets frames overtake each other', { lost: 0, doubled: 0, late: 0.6 }],
  ['loses, doubles and delays', { lost: 0.15, doubled: 0.25, late: 0.3 }],
]

const settings = `
networks:
  - name: lab
    interface: lab
    mode: full
    pool: 10.77.0.100-10.77.0.110
    lease: {firmware: 30, system: 30}
`
const plan = {
  networks: [
    { name: 'lab', addresses: ['10.77.0.1/24'] },
    { name: 'far', addresses: [] },
  ],
  settings,
}

/** The address that a client of each kind was given. */
const clients: readonly ((box: Box, neighbour: NetworkNamespace) => Promise<string>)[] = [
  async (_box, neighbour) => {
    await using client = await udhcpc(neighbour, ['-t', '20', '-T', '1', '-A', '1'])
    return (await client.next(['bound'], limitMs))['ip'] ?? ''
  },
  async (_box, neighbour) => {
    const firmware = ['-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007']
    await using client = await udhcpc(neighbour, ['-t', '20', '-T', '1', '-A', '1', ...firmware])
    return (await client.next(['bound'], limitMs))['ip'] ?? ''
  },
  async (box, neighbour) => {
    const files = await dhclientFiles(await mkdtemp(join(box.folder, 'dhclient-')))
    await using client = dhclient(neighbour, files)
    return (await client.next(['BOUND'], limitMs))['new_ip_address'] ?? ''
  },
]

/**
 * The package's client takes any ACK it hears for its own, whoever it is for, so that it needs the wire to itself: a late
 * frame of another may have been answered late, after a probe of the address.
 */
async function npmClientOn(neighbour: NetworkNamespace, mac: string): Promise<string> {
  await pause(4 * mostLateMs)
  await neighbour.run(['ip', 'address', 'add', '169.254.7.7/16', 'dev', 'eth0'])
  await neighbour.run(['ip', 'route', 'add', '255.255.255.255', 'dev', 'eth0'])
  const { stdout } = await neighbour.run(['timeout', '180', process.execPath, npmProgram, mac])
  return (JSON.parse(stdout) as { address: string }).address
}

const limitMs = 180_000
const rounds = 2

for (const [name, damage] of wires) {
  t.test(`every client is served through a wire that ${name}`, needed, async (t) => {
    const seed = newSeed()
    await using box = await openBox(plan)
    await using wire = await joinBadly(box.namespace, ['lab', 'far'], damage, seed)
    using near = sniff((await box.addNeighbour('lab')).name)
    const given = await Promise.all(
      Array.from({ length: rounds }, (_, round) =>
        clients.map(async (client, index) => {
          const neighbour = await box.addNeighbour('far', { mac: `52:54:00:04:0${round}:0${index}` })
          return await client(box, neighbour)
        }),
      ).flat(),
    )
    const lastMac = '52:54:00:04:02:00'
    given.push(await npmClientOn(await box.addNeighbour('far', { mac: lastMac }), lastMac))

    t.equal(given.length, rounds * clients.length + 1)
    t.equal(new Set(given).size, given.length, `an address for each: ${given.join(' ')} (SEED=${seed})`)
    t.ok(given.every((address) => /^10\.77\.0\.1[01][0-9]$/.test(address)))
    const holders = Map.groupBy(near.dhcp('ack'), ({ message }) => message.yiaddr)
    t.strictSame(
      [...holders.keys()].toSorted(),
      given.toSorted(),
      'no address was acknowledged that nobody uses',
    )
    t.ok(
      [...holders.values()].every((acks) => new Set(acks.map(({ message }) => macOf(message))).size === 1),
      'none was acknowledged to two',
    )
    const { counts } = wire
    t.equal(counts.lost > 0, damage.lost > 0, JSON.stringify(counts))
    t.equal(counts.doubled > 0, damage.doubled > 0)
    t.equal(counts.late > 0, damage.late > 0)
  })
}
