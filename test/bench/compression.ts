// In which form a disk is unpacked soonest: none, lz4 and the levels of zstd, with what a link of 1 and 10 Gbit/s makes of it.
// By hand: node test/bench/compression.ts [folder with a system's files, /usr] [MiB of it, 1500] [rounds, 3]
// Needs Debian's packages e2fsprogs, zstd and lz4, and room in /var/tmp for about three times as much.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const [from = '/usr', mebibytes = '1500', rounds = '3'] = process.argv.slice(2)
const mebibyte = 1024 ** 2
/** What an Ubuntu cloud image has: a disk that is about twice as large as what is in use of it. */
const emptyShare = 1.2
const forms: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['none', ['cat'], ['cat']],
  ['lz4 -1', ['lz4', '-1', '-c', '-q'], ['lz4', '-dc', '-q']],
  ['lz4 -9', ['lz4', '-9', '-c', '-q'], ['lz4', '-dc', '-q']],
  ...[1, 3, 6, 9, 12, 15].map(
    (level) =>
      [
        `zstd -${level}`,
        ['zstd', `-${level}`, '-c', '-q', '--single-thread'],
        ['zstd', '-dc', '-q'],
      ] as const,
  ),
]
/** Of a link's bits what is a file's: 1448 of 1538 bytes of each frame. */
const bytesPerSecond = (gigabits: number): number => (gigabits * 1e9 * (1448 / 1538)) / 8

const folder = mkdtempSync('/var/tmp/ironwake-compression-')
try {
  const disk = await makeDisk()
  const { size } = statSync(disk)
  console.log(
    `A disk of ${(size / mebibyte).toFixed(0)} MiB with ${mebibytes} MiB of ${from} on it; best of ${rounds} rounds`,
  )
  console.log(
    'form       MiB      pack MB/s  unpack MB/s  CPU s  | seconds for 1 machine at 1 / 10 Gbit/s | for 40 at 1 / 10',
  )
  for (const [name, pack, unpack] of forms) measure(disk, name, pack, unpack)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Whole folders until there is enough, as files of an ext4, which has its holes where a system's disk has them. */
async function makeDisk(): Promise<string> {
  const tree = join(folder, 'tree')
  await mkdir(tree)
  const wanted = Number(mebibytes)
  for (const name of await readdir(from)) {
    if (used(tree) >= wanted) break
    await cp(join(from, name), join(tree, name), {
      recursive: true,
      verbatimSymlinks: true,
      force: true,
    }).catch(() => {})
  }
  const disk = join(folder, 'disk')
  execFileSync('mke2fs', [
    '-q',
    '-t',
    'ext4',
    '-d',
    tree,
    disk,
    `${Math.round(used(tree) * (1 + emptyShare))}M`,
  ])
  rmSync(tree, { recursive: true })
  return disk
}

function used(tree: string): number {
  return Number(execFileSync('du', ['-sm', tree], { encoding: 'utf8' }).split('\t')[0])
}

function measure(disk: string, name: string, pack: readonly string[], unpack: readonly string[]): void {
  const packed = join(folder, 'packed')
  const { size } = statSync(disk)
  const packing = timed(`${pack.join(' ')} < ${disk} > ${packed}`)
  const bytes = statSync(packed).size
  const unpacking = Array.from({ length: Number(rounds) }, () =>
    timed(`${unpack.join(' ')} < ${packed} > /dev/null`),
  )
  const best = unpacking.toSorted((one, other) => one.seconds - other.seconds)[0] ?? packing
  // Link and processor work at the same time: the slower of them is what a machine waits for.
  const waits = [1, 40].map((machines) =>
    [1, 10]
      .map((gigabits) => Math.max((bytes * machines) / bytesPerSecond(gigabits), best.seconds).toFixed(1))
      .join(' / '),
  )
  const rate = (seconds: number): string => (size / 1e6 / seconds).toFixed(0)
  console.log(
    `${name.padEnd(9)} ${(bytes / mebibyte).toFixed(0).padStart(6)} ${rate(packing.seconds).padStart(10)} ${rate(best.seconds).padStart(12)} ${best.cpuSeconds.toFixed(2).padStart(8)}  | ${(waits[0] ?? '').padStart(20)} | ${waits[1]}`,
  )
}

function timed(command: string): { readonly seconds: number; readonly cpuSeconds: number } {
  const began = performance.now()
  const { status, stderr } = spawnSync('bash', ['-c', `TIMEFORMAT='%U %S'; time ${command}`], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
  const cpuSeconds = stderr
    .trim()
    .split(' ')
    .map(Number)
    .reduce((sum, one) => sum + one, 0)
  return { seconds: (performance.now() - began) / 1000, cpuSeconds }
}
