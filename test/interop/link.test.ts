import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Diagnosis } from '../../server/boot/doctor.ts'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import type { RecordedEvent } from '../../server/events/event.ts'
import { openBox, until, type Box } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'

// Three machines, two places and a link of which images may take a tenth of a gigabit: seen from curl, and from who
// asks the appliance how the machines stand.

t.setTimeout(600_000)
const needed = needs('udhcpc', 'curl')
const image = randomFillSync(Buffer.allocUnsafe(40_000_000))
const kernel = image.subarray(0, 4_000_000)
/** Full frames of 1538 bytes, of which 1448 are a file's. */
const bytesPerSecond = (100e6 / 8) * (1448 / 1538)

t.test(
  'images keep to their share of the link, and who waits for a place is said to wait',
  needed,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ironwake-link-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
    mkdirSync(join(folder, 'debian'))
    writeFileSync(join(folder, 'debian', 'vmlinuz'), kernel)
    writeFileSync(join(folder, 'debian', 'initrd'), 'initrd')
    writeFileSync(join(folder, 'debian', 'squashfs'), image)
    const network = '{name: lab, interface: lab, mode: full, pool: 10.77.0.100-10.77.0.120, link: 100Mbit/s}'
    await using box = await openBox({
      networks: [{ name: 'lab', addresses: ['10.77.0.1/24'] }],
      settings: `
http: {streams: 2}
approve: all
networks: [${network}]
images: [{name: debian, folder: ${join(folder, 'debian')}}]
`,
    })
    await using machines = new AsyncDisposableStack()
    const begin = async (number: number): Promise<NetworkNamespace> => {
      const mac = `52:54:00:00:01:0${number}`
      const machine = await box.addNeighbour('lab', { mac })
      const client = machines.use(await udhcpc(machine, ['-V', 'PXEClient:Arch:00007:UNDI:003000']))
      await client.next(['bound'])
      await machine.run(['curl', '-sf', `http://10.77.0.1:8080/boot.ipxe?mac=${mac}`])
      return machine
    }
    const [first, second, third] = [await begin(1), await begin(2), await begin(3)]

    const began = performance.now()
    const downloads = [first, second].map((machine, index) =>
      download(machine, 'squashfs', join(folder, `image-${index}`)),
    )
    const begun = until('both have begun', () => downloads.every(({ hasBegun }) => hasBegun()))
    await Promise.race([begun, ...downloads.map(async ({ ended }) => await ended)])
    const waiting = download(third, 'vmlinuz', join(folder, 'kernel'))
    await box.appliance.waitFor('file-queued', () => true, { withinMs: 60_000 })
    const diagnosis = (await box.ask('/api/v1/machines/52:54:00:00:01:03/diagnosis')) as Diagnosis
    t.match(diagnosis, {
      verdict: 'in-queue',
      outlook: 'under-way',
      because: /debian\/vmlinuz waits for its turn, 0 before it/,
    })
    for (const { ended } of downloads) t.equal(await ended, 0)
    const seconds = (performance.now() - began) / 1000
    const bytes = 2 * image.length
    t.ok(seconds > (0.95 * bytes) / bytesPerSecond, `${bytes} bytes took ${seconds.toFixed(1)} s`)
    for (const { file } of downloads) t.ok(image.equals(readFileSync(file)))
    t.equal(await waiting.ended, 0)
    t.ok(kernel.equals(readFileSync(waiting.file)), 'and the third has its kernel, without a retry')

    await until('all of it is told', async () => (await box.events('file-served')).length === 3)
    t.equal((await box.events('images-queued')).length, 1)
    t.match(await box.events('link-full'), [{ event: { network: 'lab', bitsPerSecond: 100e6 } }])
    t.strictSame(await timelineOf(box, '52:54:00:00:01:03'), ['file-queued', 'file-going-out', 'file-served'])
    const { stdout } = await box.cli('machines', 'show', '52:54:00:00:01:03')
    t.match(stdout, /debian\/vmlinuz waits for its turn, 0 before it/)
  },
)

function download(machine: NetworkNamespace, name: string, file: string) {
  const url = `http://10.77.0.1:8081/images/debian/${name}`
  const child = machine.start(['curl', '-sf', '-N', '-o', file, url], { stdio: 'ignore' })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  return {
    file,
    ended,
    hasBegun: () => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0,
  }
}

/** What the boot of a machine says of its files. */
async function timelineOf(box: Box, mac: string): Promise<readonly string[]> {
  const { stdout } = await box.cli('machines', 'show', mac, '--output', 'json')
  const { timeline } = JSON.parse(stdout) as { readonly timeline: readonly RecordedEvent[] }
  return timeline.map(({ event }) => event.kind).filter((kind) => kind.startsWith('file-'))
}
