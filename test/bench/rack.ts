// Racks of 100, 500 and 1,000 machines that are switched on at once: how many came up, the time, and what the appliance
// took for it. By hand, as root: node test/bench/rack.ts [rounds, 1] [machines ..., 100 500 1000]

import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openRackBox } from '../../server/cli/rack-box.ts'
import type { RackOrder, RackWord } from '../../server/simulate/rack-order.ts'
import type { Tally } from '../../server/simulate/tally.ts'

const rounds = Number(process.argv[2] ?? 1)
const racks = process.argv.length > 3 ? process.argv.slice(3).map(Number) : [100, 500, 1_000]
/** With a kernel and an initrd of 3 MiB before it: small, so that the disk is not what is measured. */
const imageBytes = 2 * 1024 * 1024
const program = fileURLToPath(new URL('../../server/rack.ts', import.meta.url))

type Memory = { readonly peak: number; readonly cpuSeconds: number }
/** Memory of a process's own, and what it shares with others that run the same program (KiB). */
type Resident = { readonly own: number; readonly shared: number }

console.log(
  'machines  lost  p50 s  p99 s  longest s  in all s  MiB/s  main MiB  delivery MiB  together MiB  CPU s  client CPU s',
)
for (let round = 0; round < rounds; round++) {
  for (const machines of racks) await measure(machines)
}

async function measure(machines: number): Promise<void> {
  await using rack = await openRackBox({ imageBytes })
  const order: RackOrder = {
    interface: rack.interface,
    plan: {
      machines,
      mix: [
        { firmware: 'bios', share: 1 },
        { firmware: 'uefi', share: 2 },
        { firmware: 'http', share: 1 },
      ],
      methods: [{ method: 'ram', share: 1 }],
      faults: [],
    },
    limitMs: 600_000,
    spreadMs: 0,
    seed: 1,
  }
  const child = rack.neighbour.start([process.execPath, program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout === null || child.pid === undefined) throw new Error('the rack could not be started')
  const [main, delivery] = [rack.appliance.pid, childOf(rack.appliance.pid)]
  let client: Memory = { peak: 0, cpuSeconds: 0 }
  let together = 0
  let tally: Tally | undefined
  for await (const line of createInterface(child.stdout)) {
    const word = JSON.parse(line) as RackWord
    if (word.kind === 'progress') client = usage(child.pid)
    together = Math.max(together, distinct([resident(main), resident(delivery)]))
    if (word.kind === 'tally') ({ tally } = word)
    if (word.kind === 'failed') throw new Error(word.because)
  }
  if (tally === undefined) throw new Error('the rack gave no result')
  const used = [usage(main), usage(delivery)]
  const cells = [
    [machines, 8],
    [tally.lost.length, 4],
    [(tally.phases.total.p50 / 1000).toFixed(1), 5],
    [(tally.phases.total.p99 / 1000).toFixed(1), 5],
    [(tally.phases.total.most / 1000).toFixed(1), 9],
    [tally.seconds.toFixed(1), 8],
    [(tally.bytesPerSecond / 1024 ** 2).toFixed(0), 5],
    [((used[0]?.peak ?? 0) / 1024).toFixed(0), 8],
    [((used[1]?.peak ?? 0) / 1024).toFixed(0), 12],
    [(together / 1024).toFixed(0), 12],
    [used.reduce((sum, one) => sum + one.cpuSeconds, 0).toFixed(1), 5],
    [client.cpuSeconds.toFixed(1), 12],
  ] as const
  console.log(cells.map(([value, width]) => String(value).padStart(width)).join('  '))
  for (const { mac, firmware, because } of tally.lost.slice(0, 5))
    console.log(`  ${mac} ${firmware}: ${because}`)
  for (const [phase, { p50, p99 }] of Object.entries(tally.phases)) {
    console.error(`  ${phase.padEnd(10)} p50 ${(p50 / 1000).toFixed(2)} s, p99 ${(p99 / 1000).toFixed(2)} s`)
  }
}

/** The process that delivers images. */
function childOf(parent: number): number {
  const child = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .find((name) => new RegExp(`^PPid:\\s+${parent}$`, 'm').test(statusOf(name)))
  return child === undefined ? 0 : Number(child)
}

/** The most memory it ever had, in KiB, and its time on the processors. */
function usage(pid: number): Memory {
  const peak = Number(/VmHWM:\s+([0-9]+)/.exec(statusOf(String(pid)))?.[1] ?? 0)
  const stat = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ')
  return { peak, cpuSeconds: (Number(stat[11] ?? 0) + Number(stat[12] ?? 0)) / 100 }
}

function resident(pid: number): Resident {
  const status = statusOf(String(pid))
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+([0-9]+)`, 'm').exec(status)?.[1] ?? 0)
  return { own: field('RssAnon'), shared: field('RssFile') + field('RssShmem') }
}

/** Node.js itself, half of what a small process has, is there once for both. */
function distinct(processes: readonly Resident[]): number {
  const own = processes.reduce((sum, one) => sum + one.own, 0)
  return own + Math.max(...processes.map(({ shared }) => shared))
}

function statusOf(pid: string): string {
  return read(`/proc/${pid}/status`)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended in the meantime.
    return ''
  }
}
