// What a link budget does: 16 downloads over a wire of 1 Gbit/s, with and without one, and a boot program by TFTP beside
// them, again and again. By hand, as root: node test/bench/link.ts [seconds per run, 5] [budgets ..., none 900 500 100]
// Needs Debian's packages iproute2, wrk and atftp.

import { randomFillSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openNetworkNamespace, type NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { serveIn, settingsFileIn } from '../../server/demo/served-appliance.ts'

const seconds = Number(process.argv[2] ?? 5)
const budgets = process.argv.length > 3 ? process.argv.slice(3) : ['none', '900', '500', '100']
const clients = 16
const imageBytes = 64 * 1024 * 1024
const programBytes = 174_000
/** One second apart, at which the bytes that came are looked at. */
const lookEachMs = 1_000
/** Of the 1538 bytes of a full frame on the wire 1448 are a file's. */
const wireShare = 1538 / 1448

console.log(`${clients} downloads over a wire of 1 Gbit/s, ${seconds} s each; Mbit/s on the wire`)
console.log(
  'budget  queue       mean  least s  most s  delivery CPU s/GB  TFTP fetches  median ms  longest ms',
)
/** What the interface has before the wire: one line for all, or bands as Debian's default. */
const queues = ['bfifo', 'pfifo_fast'] as const
for (const budget of budgets) for (const queue of queues) await measure(budget, queue)

async function measure(budget: string, queue: (typeof queues)[number]): Promise<void> {
  await using box = await openNetworkNamespace([{ name: 'lab', addresses: ['10.99.0.1/24'] }])
  const client = await box.addNeighbour('lab')
  await client.run(['ip', 'address', 'add', '10.99.0.2/24', 'dev', 'eth0'])
  // The port of the bridge is the wire: as quick as one of 1 Gbit/s, and with a card's queue before it.
  const wire = ['rate', '1gbit', 'burst', '64kb', 'limit', '1500000']
  await box.run(['tc', 'qdisc', 'add', 'dev', 'port0', 'root', 'handle', '1:', 'tbf', ...wire])
  if (queue === 'pfifo_fast') await box.run(['tc', 'qdisc', 'add', 'dev', 'port0', 'parent', '1:', queue])
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-bench-'))
  try {
    mkdirSync(join(folder, 'bench'))
    mkdirSync(join(folder, 'programs'))
    writeFileSync(join(folder, 'bench', 'squashfs'), randomFillSync(Buffer.allocUnsafe(imageBytes)))
    writeFileSync(join(folder, 'programs', 'snponly.efi'), randomFillSync(Buffer.allocUnsafe(programBytes)))
    const link = budget === 'none' ? '' : `, link: ${budget}Mbit/s`
    const network = `{name: lab, interface: lab, mode: full, pool: 10.99.0.100-10.99.0.200${link}}`
    const settings = [
      'data: ./data',
      'boot-programs: [./programs]',
      `networks: [${network}]`,
      'images: [{name: bench, folder: ./bench}]',
    ]
    writeFileSync(settingsFileIn(folder), settings.join('\n'))
    await using _ = await serveIn(box, settingsFileIn(folder))
    const pid = await deliveryIn(box)
    const url = 'http://10.99.0.1:8081/images/bench/squashfs'
    const words = ['-t1', `-c${clients}`, `-d${2 * seconds + 2}s`, '--timeout', '60s', url]
    const load = client.start(['wrk', ...words], { stdio: 'ignore' })
    const loaded = new Promise((resolve) => load.once('exit', resolve))
    // The first second: connections begin, and the reserve is used up.
    await pause(lookEachMs)
    const cpuBefore = cpuSeconds(pid)
    const looks = [await look(client)]
    for (let second = 0; second < seconds; second++) {
      await pause(lookEachMs)
      looks.push(await look(client))
    }
    const cpu = cpuSeconds(pid) - cpuBefore
    const [first, last] = [looks[0], looks.at(-1)]
    if (first === undefined || last === undefined) return
    const perSecond = looks.slice(1).map((one, index) => mbits(looks[index] ?? one, one))
    const tookMs = await fetchPrograms(client, performance.now() + seconds * 1_000)
    await loaded
    const cells = [
      [budget, 6],
      [queue, 10],
      [mbits(first, last).toFixed(0), 5],
      [Math.min(...perSecond).toFixed(0), 7],
      [Math.max(...perSecond).toFixed(0), 6],
      [(cpu / ((last.byteCount - first.byteCount) / 1e9)).toFixed(2), 17],
      [tookMs.length, 12],
      [median(tookMs).toFixed(0), 9],
      [Math.max(...tookMs).toFixed(0), 10],
    ] as const
    console.log(cells.map(([value, width]) => String(value).padStart(width)).join('  '))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** How long each fetch of the boot program took, one after another, in the blocks that firmware asks for. */
async function fetchPrograms(client: NetworkNamespace, until: number): Promise<readonly number[]> {
  const took: number[] = []
  while (performance.now() < until) {
    const began = performance.now()
    const options = ['--option', 'blksize 1428', '--option', 'tsize 0']
    const where = ['--remote-file', 'snponly.efi', '--local-file', '/dev/null', '10.99.0.1']
    await client.run(['atftp', '--get', ...options, ...where])
    took.push(performance.now() - began)
  }
  return took
}

type Look = { readonly byteCount: number; readonly at: number }

/** How many bytes of files have come so far, as the kernel counts them for each connection. */
async function look(client: NetworkNamespace): Promise<Look> {
  const { stdout } = await client.run(['ss', '-tinH', 'dport', '=', '8081'])
  const counts = [...stdout.matchAll(/bytes_received:([0-9]+)/g)].map(([, count]) => Number(count))
  return { byteCount: counts.reduce((sum, count) => sum + count, 0), at: performance.now() }
}

async function deliveryIn(box: NetworkNamespace): Promise<number> {
  const { stdout } = await box.run(['ip', 'netns', 'pids', box.name])
  const pid = stdout
    .split('\n')
    .find((one) => one !== '' && readFileSync(`/proc/${one}/cmdline`, 'utf8').includes('deliver.ts'))
  if (pid === undefined) throw new Error('no process delivers images')
  return Number(pid)
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(stat[11]) + Number(stat[12])) / 100
}

/** On the wire, with all that surrounds the bytes there. */
function mbits(from: Look, to: Look): number {
  return ((to.byteCount - from.byteCount) * 8 * wireShare) / (to.at - from.at) / 1_000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
