import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { decode } from '../../server/dhcp/decode.ts'
import { contains, everyone, noAddress, ipv4OfNumber } from '../../server/wire/ipv4.ts'
import { goldenBytes, goldenNames } from '../dhcp/golden.ts'
import { ip, macNumber, subnet } from '../networks/a-network.ts'
import { openBox, until, type Box } from '../interop/a-box.ts'
import { datagramIn, everyMac, frameFor, isIpv4 } from '../interop/datagram.ts'
import { udhcpc } from '../interop/dhcp-clients.ts'
import { openFrames } from '../interop/frames.ts'
import { needs } from '../interop/needs.ts'
import { newSeed, seeded, type Random } from '../interop/random.ts'
import { mutations } from './dhcp-mutations.ts'
import { folderBytes, isAlive, Watch } from './vitals.ts'

// 100,000 datagrams, made of golden ones by changes and of noise, to port 67 of the appliance as a user starts it.

t.setTimeout(120_000)
const needed = needs('udhcpc')
const count = 100_000
const perSecond = 2_500
/** V8 doubles its young generation once or twice on the way; a leak of one kB for each datagram would be 80 MB. */
const mostGrowthBytes = 64e6
const mostStoreBytes = 64e6
const networks = [{ name: 'lab', addresses: ['10.77.0.1/24'] }]
const lab = subnet('10.77.0.0/24')
const golden = goldenNames.map((name) => goldenBytes(name))

for (const mode of ['full', 'observe'] as const) {
  t.test(`nothing that comes to port 67 harms a network in mode ${mode}`, needed, async (t) => {
    const seed = newSeed()
    t.comment(`SEED=${seed}`)
    await using box = await openBox({
      networks,
      settings: `networks: [{interface: lab, mode: ${mode}, pool: 10.77.0.100-10.77.0.200}]\n`,
    })
    const { pid } = box.appliance
    const attacker = await box.addNeighbour('lab')
    const heard = { replies: 0, wrong: [] as string[], others: 0 }
    using wire = openFrames(attacker.name, 'eth0', (frame) => {
      if (!isIpv4(frame)) return
      const datagram = datagramIn(frame)
      // What the kernel says by itself, as ICMP or IGMP, is not the appliance's.
      if (datagram === undefined) return
      if (datagram.fromPort !== 67) heard.others++
      else {
        heard.replies++
        const because = whyWrong(datagram)
        if (because !== undefined && heard.wrong.length < 10) heard.wrong.push(because)
      }
    })
    using watch = new Watch(pid)
    const random = seeded(seed)
    const next = mutations(golden, random)
    const sent = await sendAll(wire, next, random)
    t.equal(sent, count, 'all of them were sent')
    await until('all of it is read', async () => (await queueOf(box)).waiting === 0, 30_000)
    await pause(500)
    t.equal((await queueOf(box)).dropped, 0, 'and none was dropped on the way')

    t.ok(isAlive(pid), 'the process lives')
    t.ok(watch.growth() < mostGrowthBytes, watch.text())
    const descriptors = watch.samples.map((sample) => sample.descriptors)
    t.ok(Math.max(...descriptors) <= Math.min(...descriptors) + 3, `descriptors: ${Math.max(...descriptors)}`)
    const bytes = folderBytes(box.dataFolder)
    t.ok(bytes < mostStoreBytes, `the store has ${Math.round(bytes / 1e6)} MB`)
    t.comment(`${heard.replies} replies, ${(await box.machines()).length} machines, ${watch.text()}`)

    const status = (await box.ask('/api/v1/status')) as { networks: { problem?: string }[] }
    t.equal(status.networks[0]?.problem, undefined)
    if (mode === 'observe') {
      t.same(heard, { replies: 0, wrong: [], others: 0 }, 'nothing at all was sent')
      return
    }
    t.ok(heard.replies > 1_000, `${heard.replies} replies`)
    t.same(heard.wrong, [])
    const before = performance.now()
    await using client = await udhcpc(await box.addNeighbour('lab', { mac: '52:54:00:aa:00:01' }), [
      '-t',
      '5',
      '-T',
      '1',
    ])
    t.match(await client.next(['bound']), { serverid: '10.77.0.1' })
    t.ok(performance.now() - before < 5_000, 'the next good client is served')
  })
}

async function sendAll(
  wire: ReturnType<typeof openFrames>,
  next: () => Buffer,
  random: Random,
): Promise<number> {
  const began = performance.now()
  let sent = 0
  while (sent < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - began) / 1000) * perSecond))
    for (; sent < due;) {
      const from = random() < 0.8 ? noAddress : ipv4OfNumber(Math.floor(random() * 2 ** 32))
      const fromPort = random() < 0.9 ? 68 : Math.floor(random() * 65_536)
      const bytes = next()
      const frame = frameFor({
        fromMac: macNumber(7),
        toMac: everyMac,
        from,
        fromPort,
        to: everyone,
        toPort: 67,
        bytes,
      })
      if (!wire.send(frame)) break
      sent++
    }
    await pause(4)
  }
  return sent
}

/** What a datagram of the box must never be. */
function whyWrong({
  from,
  to,
  toPort,
  bytes,
}: NonNullable<ReturnType<typeof datagramIn>>): string | undefined {
  const decoded = decode(bytes)
  if (decoded.kind === 'malformed') return decoded.because
  if (decoded.message.op !== 2) return 'it is no reply'
  if (from !== ip('10.77.0.1')) return `it comes from ${from}`
  if (to !== everyone && !contains(lab, to)) return `it goes to ${to}`
  if (toPort === 0) return 'it goes to port 0'
  if (bytes.length < 300 || bytes.length > 1472) return `it has ${bytes.length} bytes`
  return undefined
}

/** What waits in the receive queue of port 67, and what found no room in it (proc(5), /proc/net/udp). */
async function queueOf(box: Box): Promise<{ readonly waiting: number; readonly dropped: number }> {
  const { stdout } = await box.namespace.run(['cat', '/proc/net/udp'])
  const columns = stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((words) => words[1]?.endsWith(':0043'))
  if (columns === undefined) throw new Error('nobody listens at port 67')
  return { waiting: Number.parseInt(columns[4]?.split(':')[1] ?? '', 16), dropped: Number(columns[12]) }
}
