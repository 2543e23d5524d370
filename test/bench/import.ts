// Memory while a large disk is imported: the command itself, and qemu-img beside it, as the kernel counts them.
// By hand: node test/bench/import.ts [GiB of the disk, 10] [GiB of it in use, 3]
// Needs Debian's package qemu-utils, and room in /var/tmp for about twice what is in use.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
  closeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const gibibyte = 1024 ** 3
const diskBytes = Number(process.argv[2] ?? 10) * gibibyte
const usedBytes = Number(process.argv[3] ?? 3) * gibibyte
const sampleEachMs = 200
const program = fileURLToPath(new URL('../../ironwake', import.meta.url))

const folder = mkdtempSync(join('/var/tmp', 'ironwake-import-'))
try {
  const disk = makeDisk()
  for (const [what, given] of [
    ['raw', disk],
    ['qcow2', asQcow2(disk)],
  ] as const) {
    const { seconds, peaks } = await importing(given, what)
    const rest = [...peaks].map(([name, mebibytes]) => `${name} ${mebibytes.at(-1)} MiB at most`).join(', ')
    console.log(`${what}: ${seconds.toFixed(0)} s; ${rest}`)
    for (const [name, mebibytes] of peaks) console.log(`  ${name} by tenths: ${tenths(mebibytes).join(' ')}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Programs of this system between holes: what a disk of a system consists of. */
function makeDisk(): string {
  const path = join(folder, 'disk.raw')
  const file = openSync(path, 'w')
  const first = Buffer.alloc(512)
  first.writeUInt16LE(0xaa55, 510)
  first[446 + 4] = 0x83
  writeSync(file, first, 0, 512, 0)
  const stuff = programs()
  const stride = Math.floor((diskBytes / usedBytes) * stuff.length)
  for (let at = 1_048_576; at + stuff.length <= diskBytes; at += stride) {
    // No two pieces are alike to a packer that remembers the last.
    stuff.writeUInt32LE(at % 2 ** 32, 0)
    writeSync(file, stuff, 0, stuff.length, at)
  }
  execFileSync('truncate', ['-s', String(diskBytes), path])
  closeSync(file)
  return path
}

function programs(): Buffer {
  const pieces: Buffer[] = []
  let length = 0
  for (const name of readdirSync('/usr/bin')) {
    if (length > 64 * 1_048_576) break
    try {
      const bytes = readFileSync(join('/usr/bin', name))
      pieces.push(bytes)
      length += bytes.length
    } catch {
      // A link to what is not there.
    }
  }
  return Buffer.concat(pieces)
}

function asQcow2(disk: string): string {
  const path = join(folder, 'disk.qcow2')
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, path])
  return path
}

async function importing(given: string, name: string) {
  const began = performance.now()
  const words = ['images', 'import', given, '--name', name, '--data', join(folder, 'data')]
  const child = spawn(program, words, {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: tmpdir(),
  })
  const peaks = new Map<string, number[]>()
  const sampling = setInterval(() => sample(child.pid ?? 0, peaks), sampleEachMs)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(sampling)
  if (code !== 0) throw new Error(`the import ended with ${code}`)
  return { seconds: (performance.now() - began) / 1000, peaks }
}

/** The most that each program has taken so far: it grows, or it is flat. */
function sample(parent: number, peaks: Map<string, number[]>): void {
  for (const pid of [parent, ...childrenOf(parent)]) {
    try {
      const name = readlinkSync(`/proc/${pid}/exe`).split('/').at(-1) ?? ''
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const kibibytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0)
      const samples = peaks.get(name) ?? []
      peaks.set(name, [...samples, Math.round(kibibytes / 1024)])
    } catch {
      // It ended just now.
    }
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number)
  } catch {
    return []
  }
}

function tenths(samples: readonly number[]): readonly number[] {
  return Array.from({ length: 10 }, (_, part) => samples[Math.floor((part * (samples.length - 1)) / 9)] ?? 0)
}
