import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openNetworkNamespace, type NetworkNamespace } from '../../server/demo/network-namespace.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { until } from './a-box.ts'
import { joinBadly, type Damage } from './bad-wire.ts'
import { needs } from './needs.ts'
import { newSeed, seeded } from './random.ts'
import { tftpClients, type TftpClient } from './tftp-clients.ts'

// Every client fetches files of every awkward size, over a good wire and over bad ones.

const needed = needs('tftp', 'atftp', 'curl', 'busybox', 'timeout')
t.setTimeout(600_000)

const host = '10.78.0.1'
const program = fileURLToPath(new URL('tftp-program.ts', import.meta.url))
/** More blocks of 512 bytes than their number can count. */
const beyondRollOver = 512 * 65_536 + 700
const smallSizes = [0, 1, 511, 512, 513, 1_427, 1_428, 1_429, 1_000_000]
const sizes = [...smallSizes, beyondRollOver]

type Rack = AsyncDisposable & {
  readonly namespace: NetworkNamespace
  readonly events: readonly ApplianceEvent[]
  /** A machine of its own for each, on this network; fetches one file and gives its bytes. */
  readonly client: (network: string) => Promise<FetchFile>
}
type FetchFile = (client: TftpClient, size: number) => Promise<Buffer>

const expected = new Map<number, Buffer>()

async function openRack(): Promise<Rack> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'ironwake-tftp-'))
  opened.defer(async () => await rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  const [served, fetched] = [join(folder, 'served'), join(folder, 'fetched')]
  await mkdir(served)
  await mkdir(fetched)
  for (const size of sizes) await writeFile(join(served, String(size)), contentOf(size))
  const namespace = opened.use(
    await openNetworkNamespace([
      { name: 'lab', addresses: [`${host}/24`] },
      { name: 'far', addresses: [] },
    ]),
  )
  // The wire shall meet each datagram alone, not a window that the kernel would cut up only behind it.
  await namespace.run(['ip', 'link', 'set', 'lab', 'gso_max_segs', '1'])
  const events: ApplianceEvent[] = []
  const server = namespace.start([process.execPath, program, 'lab', host, served], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = new Promise((resolve) => server.once('exit', resolve))
  opened.defer(async () => {
    server.kill('SIGTERM')
    await gone
  })
  await new Promise<void>((resolve, reject) => {
    server.once('exit', () => reject(new Error('the server did not start')))
    createInterface({ input: server.stdout! }).on('line', (line) => {
      if (line === 'ready') resolve()
      else events.push(JSON.parse(line) as ApplianceEvent)
    })
  })
  let machines = 0
  const client = async (network: string) => {
    const number = ++machines
    const neighbour = await namespace.addNeighbour(network)
    await neighbour.run(['ip', 'address', 'add', `10.78.0.${number + 1}/24`, 'dev', 'eth0'])
    return async (client: TftpClient, size: number) => {
      const local = join(fetched, `${number}-${size}`)
      await rm(local, { force: true })
      await neighbour.run(['timeout', '600', ...client.command(host, String(size), local)])
      return await readFile(local)
    }
  }
  const parts = opened.move()
  return { namespace, events, client, [Symbol.asyncDispose]: async () => await parts.disposeAsync() }
}

/** Bytes that a seed repeats, so that every block differs from its neighbours. */
function contentOf(size: number): Buffer {
  const known = expected.get(size)
  if (known !== undefined) return known
  const random = seeded(size + 1)
  const bytes = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.floor(random() * 0x1_0000_0000), at)
  expected.set(size, bytes)
  return bytes
}

/** What each client says of each size that did not arrive whole. Clients run beside each other, sizes in turn. */
async function failures(
  clients: readonly TftpClient[],
  rack: Rack,
  network: string,
  sizesFor: (client: TftpClient) => readonly number[],
): Promise<readonly string[]> {
  const failed: string[] = []
  await Promise.all(
    clients.map(async (client) => {
      const fetchFile = await rack.client(network)
      for (const size of sizesFor(client)) {
        const failure = await failureOf(client, size, fetchFile)
        if (failure !== undefined) failed.push(`${client.name}, ${size} bytes: ${failure}`)
      }
    }),
  )
  return failed
}

async function failureOf(
  client: TftpClient,
  size: number,
  fetchFile: FetchFile,
): Promise<string | undefined> {
  let failure: string | undefined
  for (let tries = 0; tries < 5; tries++) {
    try {
      const bytes = await fetchFile(client, size)
      // A wrong byte is never forgiven.
      return bytes.equals(contentOf(size)) ? undefined : `${bytes.length} bytes came, and not those`
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
      if (client.breaksOffWith?.test(failure) !== true) return failure
    }
  }
  return failure
}

t.test('every client fetches every size', needed, async (t) => {
  await using rack = await openRack()
  const failed = await failures(tftpClients, rack, 'lab', ({ block }) =>
    sizes.filter((size) => (size < 1_000_000 ? Math.abs(size - block) <= 1 || size <= 1 : true)),
  )
  t.same(failed, [])
  const sent = () => rack.events.filter(({ kind }) => kind === 'program-sent').length
  // The last acknowledgement of a client, which has gone already, may still be on its way.
  await until('the last is told', () => sent() >= tftpClients.length * 7)
  t.equal(sent(), tftpClients.length * 7, 'files were sent')
})

const wires: readonly (readonly [string, Damage])[] = [
  ['loses one in a hundred packets', { lost: 0.01, doubled: 0, late: 0 }],
  ['doubles one in fifty packets', { lost: 0, doubled: 0.02, late: 0 }],
  ['lets one in fifty packets be overtaken', { lost: 0, doubled: 0, late: 0.02 }],
]
const onBadWires = tftpClients.filter((client) => client.onBadWires)

for (const [name, damage] of wires) {
  t.test(`every client fetches its files through a wire that ${name}`, needed, async (t) => {
    const seed = newSeed()
    await using rack = await openRack()
    await using wire = await joinBadly(rack.namespace, ['lab', 'far'], damage, seed)
    const failed = await failures(onBadWires, rack, 'far', ({ block }) => [0, 1, block, block + 1, 1_000_000])
    t.same(failed, [], `SEED=${seed}`)
    const { passed, lost, doubled, late } = wire.counts
    t.ok(passed > 15_000 && lost + doubled + late > 150, JSON.stringify(wire.counts))
  })
}

t.test('block numbers begin anew in spite of all faults at once', needed, async (t) => {
  const seed = newSeed()
  await using rack = await openRack()
  const damage = { lost: 0.0005, doubled: 0.0005, late: 0.0005 }
  await using wire = await joinBadly(rack.namespace, ['lab', 'far'], damage, seed)
  // The package from npm waits a second for each acknowledgement that was lost; it has its roll-over on the good wire.
  const clients = onBadWires.filter(({ name, block }) => block === 512 && !name.startsWith('npm'))
  const failed = await failures(clients, rack, 'far', () => [beyondRollOver])
  t.same(failed, [], `SEED=${seed}`)
  const { passed, lost, doubled, late } = wire.counts
  t.ok(passed > 400_000 && Math.min(lost, doubled, late) > 50, JSON.stringify(wire.counts))
})
