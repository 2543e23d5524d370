import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { decode } from '../../server/dhcp/decode.ts'
import { encode } from '../../server/dhcp/encode.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { contains, everyone, noAddress, ipv4OfNumber } from '../../server/wire/ipv4.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { goldenBytes, goldenNames, messageOf } from '../dhcp/golden.ts'
import { ip, macNumber, subnet } from '../networks/a-network.ts'
import { openBox, until, type Box } from '../interop/a-box.ts'
import { datagramIn, everyMac, frameFor, isIpv4 } from '../interop/datagram.ts'
import { udhcpc } from '../interop/dhcp-clients.ts'
import { openFrames } from '../interop/frames.ts'
import { needs } from '../interop/needs.ts'
import { newSeed, seeded, type Random } from '../interop/random.ts'
import { mutations } from './dhcp-mutations.ts'
import { folderBytes, isAlive, queuesOf, waitingAt, Watch } from './vitals.ts'

// 100,000 datagrams and more, made of golden ones by changes and of noise, to the ports of DHCP of the appliance as a user
// starts it: to 67 as a client and as a relay sends them, and to 4011, where a box that leaves the addresses to another
// server answers as a boot server.

t.setTimeout(600_000)
const needed = needs('udhcpc')
/** V8 doubles its young generation once or twice on the way; a leak of one kB for each datagram would be 80 MB. */
const mostGrowthBytes = 64e6
const mostStoreBytes = 64e6
const perMs = 6
const mostPerTurn = 150
/** The queue of a port has room for 8 MiB. */
const mostWaitingBytes = 2e6
const networks = [{ name: 'lab', addresses: ['10.77.0.1/24'] }]
const lab = subnet('10.77.0.0/24')
const rack = subnet('10.9.0.0/24')
const golden = goldenNames.map((name) => goldenBytes(name))

type Plan = {
  readonly mode: 'full' | 'observe' | 'proxy'
  readonly count: number
  /** The share that goes to port 4011. */
  readonly toBootServer: number
}
const plans: readonly Plan[] = [
  { mode: 'full', count: 100_000, toBootServer: 0 },
  { mode: 'observe', count: 100_000, toBootServer: 0 },
  { mode: 'proxy', count: 120_000, toBootServer: 5 / 6 },
]

function settingsFor(mode: Plan['mode']): string {
  const pool = (from: string) => (mode === 'proxy' ? '' : `, pool: ${from}.100-${from}.200`)
  return `
networks:
  - {interface: lab, mode: ${mode}${pool('10.77.0')}}
  - {name: rack, interface: lab, relayed: 10.9.0.0/24, mode: ${mode}${pool('10.9.0')}}
`
}

for (const plan of plans) {
  const { mode, count } = plan
  t.test(`nothing that comes to its ports harms a network in mode ${mode}`, needed, async (t) => {
    const seed = newSeed()
    t.comment(`SEED=${seed}`)
    await using box = await openBox({ networks, settings: settingsFor(mode) })
    const { pid } = box.appliance
    const attacker = await box.addNeighbour('lab')
    await listenTo(box, attacker)
    const heard = { replies: 0, toRelays: 0, wrong: [] as string[], others: 0 }
    const answered = new Map<number, DhcpMessage>()
    using wire = openFrames(attacker.name, 'eth0', (frame) => {
      // What the kernel says by itself, as ARP, ICMP or IGMP, is not the appliance's.
      const datagram = isIpv4(frame) ? datagramIn(frame) : undefined
      if (datagram === undefined) return
      if (datagram.fromPort !== 67 && (mode !== 'proxy' || datagram.fromPort !== 4011)) heard.others++
      else {
        heard.replies++
        const because = whyWrong(datagram, mode)
        if (because !== undefined && heard.wrong.length < 10) heard.wrong.push(because)
        const decoded = decode(datagram.bytes)
        if (decoded.kind === 'malformed') return
        if (decoded.message.giaddr !== noAddress) heard.toRelays++
        if (goodXids.includes(decoded.message.xid)) answered.set(decoded.message.xid, decoded.message)
      }
    })
    using watch = new Watch(pid)
    const random = seeded(seed)
    const next = mutations(golden, random)
    const ports = mode === 'proxy' ? [67, 4011] : [67]
    const readers = { boxMac: await macOfBox(box), waiting: () => waitingAt(pid, ports) }
    const sent = await sendAll(wire, next, random, plan, readers)
    t.equal(sent, count, 'all of them were sent')
    await until('all of it is read', () => waitingAt(pid, ports) === 0)
    await pause(500)
    for (const { dropped } of queuesOf(pid, ports)) t.equal(dropped, 0, 'and none was dropped on the way')

    t.ok(isAlive(pid), 'the process lives')
    t.ok(watch.growth() < mostGrowthBytes, watch.text())
    const descriptors = watch.samples.map((sample) => sample.descriptors)
    t.ok(Math.max(...descriptors) <= Math.min(...descriptors) + 3, `descriptors: ${Math.max(...descriptors)}`)
    const bytes = folderBytes(box.dataFolder)
    t.ok(bytes < mostStoreBytes, `the store has ${Math.round(bytes / 1e6)} MB`)
    t.comment(
      `${heard.replies} replies, ${heard.toRelays} to relays, ${(await box.machines()).length} machines, ${watch.text()}`,
    )

    const status = (await box.ask('/api/v1/status')) as { networks: { problem?: string }[] }
    t.equal(status.networks[0]?.problem, undefined)
    if (mode === 'observe') {
      t.same(heard, { replies: 0, toRelays: 0, wrong: [], others: 0 }, 'nothing at all was sent')
      return
    }
    t.ok(heard.replies > 1_000, `${heard.replies} replies`)
    t.ok(heard.toRelays > 100, `${heard.toRelays} to relays`)
    t.same(heard.wrong, [])
    // A box that owns addresses looks for other servers, as a client.
    if (mode === 'proxy') t.equal(heard.others, 0)
    // The next good client is served.
    if (mode === 'full') {
      await using client = await udhcpc(await box.addNeighbour('lab', { mac: '52:54:00:aa:00:01' }), [
        '-t',
        '20',
        '-T',
        '1',
      ])
      t.match(await client.next(['bound']), { serverid: '10.77.0.1' })
    } else {
      for (const [index, port] of ports.entries()) wire.send(goodFrame(goodXids[index] ?? 0, port))
      await until('the answers to good firmware', () => answered.size === goodXids.length)
      for (const message of answered.values()) t.match(message, { siaddr: '10.77.0.1', file: 'snponly.efi' })
    }
  })
}

const goodXids = [0x600d_0067, 0x600d_4011]

/** Firmware that asks what to boot, and firmware that asks a boot server. */
function goodFrame(xid: number, port: number): Buffer {
  const message = messageOf(goldenBytes(port === 67 ? 'discover-uefi-pxe' : 'request-boot-server'))
  const { bytes } = encode({ ...message, xid, ciaddr: noAddress }, { maxBytes: 1472 })
  const mac = macNumber(8)
  return frameFor({
    fromMac: mac,
    toMac: everyMac,
    from: noAddress,
    fromPort: 68,
    to: everyone,
    toPort: port,
    bytes,
  })
}

/** Has the box send to the addresses that the datagrams name most as if somebody were there. */
async function listenTo(box: Box, attacker: NetworkNamespace): Promise<void> {
  const mac = (await attacker.run(['cat', '/sys/class/net/eth0/address'])).stdout.trim()
  const words = (text: string) => box.namespace.run(text.split(' '))
  await words('ip route add 10.9.0.0/24 dev lab')
  for (const address of ['10.77.0.9', '10.77.0.100', '10.77.0.200', '10.9.0.1']) {
    await words(`ip neighbour add ${address} lladdr ${mac} dev lab nud permanent`)
  }
}

async function macOfBox(box: Box): Promise<Mac> {
  return (await box.namespace.run(['cat', '/sys/class/net/lab/address'])).stdout.trim() as Mac
}

async function sendAll(
  wire: ReturnType<typeof openFrames>,
  next: () => Buffer,
  random: Random,
  { count, toBootServer }: Plan,
  { boxMac, waiting }: { readonly boxMac: Mac; readonly waiting: () => number },
): Promise<number> {
  let [sent, last] = [0, performance.now()]
  while (sent < count) {
    await pause(4)
    const now = performance.now()
    const due = Math.min(mostPerTurn, Math.ceil((now - last) * perMs))
    last = now
    // As fast as the box reads: what finds no room in its queue would be dropped by the kernel, and prove nothing.
    if (waiting() > mostWaitingBytes) continue
    for (const most = Math.min(count, sent + due); sent < most;) {
      const where = random()
      // A relay, and a client of a boot server, know where the box is.
      const direct = where > 0.8
      const from =
        where < 0.6 ? noAddress : direct ? ip('10.77.0.9') : ipv4OfNumber(Math.floor(random() * 2 ** 32))
      const fromPort = random() < 0.9 ? (direct ? 67 : 68) : Math.floor(random() * 65_536)
      const frame = frameFor({
        fromMac: macNumber(7),
        toMac: direct ? boxMac : everyMac,
        from,
        fromPort,
        to: direct ? ip('10.77.0.1') : everyone,
        toPort: random() < toBootServer ? 4011 : 67,
        bytes: next(),
      })
      if (!wire.send(frame)) break
      sent++
    }
  }
  return sent
}

/** What a datagram of the box must never be. */
function whyWrong(
  { from, fromPort, to, toPort, bytes }: NonNullable<ReturnType<typeof datagramIn>>,
  mode: Plan['mode'],
): string | undefined {
  const decoded = decode(bytes)
  if (decoded.kind === 'malformed') return decoded.because
  const { message } = decoded
  if (message.op !== 2) return 'it is no reply'
  if (from !== ip('10.77.0.1')) return `it comes from ${from}`
  if (to !== everyone && !contains(lab, to) && !contains(rack, to)) return `it goes to ${to}`
  if (toPort === 0) return 'it goes to port 0'
  if (bytes.length < 300 || bytes.length > 1472) return `it has ${bytes.length} bytes`
  const { yiaddr, giaddr, options } = message
  if (mode === 'proxy' && yiaddr !== noAddress) return `a box that owns no addresses gives ${yiaddr}`
  if (yiaddr !== noAddress && !contains(lab, yiaddr) && !contains(rack, yiaddr)) return `it gives ${yiaddr}`
  if (giaddr !== noAddress && fromPort === 67 && to !== giaddr)
    return `the relay ${giaddr} is answered at ${to}`
  if (options.has(82) && lastOption(bytes) !== 82) return 'option 82 is not the last of its field'
  return undefined
}

/** The code of the option before the end of the field of options. */
function lastOption(bytes: Uint8Array): number | undefined {
  let last: number | undefined
  for (let at = 240; at < bytes.length && bytes[at] !== 255; at += 2 + (bytes[at + 1] ?? 0)) last = bytes[at]
  return last
}
