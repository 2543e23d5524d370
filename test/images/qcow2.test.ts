import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { readQcow2Header } from '../../server/images/qcow2-header.ts'
import { inspectQcow2, qcow2ToRaw } from '../../server/images/qcow2-to-raw.ts'
import { testFolder } from '../folder.ts'
import { refuses } from './a-store.ts'
import { rawDisk } from './some-images.ts'

const work = { stop: new AbortController().signal, progress() {} }

function qemuImg(...words: readonly string[]): void {
  execFileSync('qemu-img', words, { stdio: 'pipe' })
}

t.test('a disk comes out of qcow2 as it went in', async (t) => {
  const folder = testFolder(t)
  const path = (name: string): string => join(folder, name)
  const disk = rawDisk(5 * 1024 * 1024)
  writeFileSync(path('in.raw'), disk)
  for (const [name, ...words] of [
    ['zlib', '-c'],
    ['zstd', '-c', '-o', 'compression_type=zstd'],
    ['version 2', '-o', 'compat=0.10'],
    ['large clusters', '-o', 'cluster_size=2M'],
    ['extended entries', '-o', 'extended_l2=on,cluster_size=128k'],
  ] as const) {
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...words, path('in.raw'), path('disk'))
    const facts = await inspectQcow2(path('disk'), work.stop)
    t.equal(facts.virtualBytes, disk.length, name)
    const heard: number[] = []
    await qcow2ToRaw(path('disk'), path('out.raw'), { ...work, progress: (_, done) => void heard.push(done) })
    t.ok(readFileSync(path('out.raw')).equals(disk), name)
    t.equal(heard.at(-1), 100)
  }
})

t.test('a disk that rests on another file is refused before qemu-img opens it', async (t) => {
  const folder = testFolder(t, { base: 'secret' })
  const path = (name: string): string => join(folder, name)
  qemuImg('create', '-f', 'qcow2', '-u', '-F', 'raw', '-b', path('base'), path('backed'), '1M')
  await refuses(t, inspectQcow2(path('backed'), work.stop), {
    kind: 'unsafe',
    message: /rests on another file/,
    nextStep: /qemu-img convert/,
  })
  const old = path('old')
  qemuImg('create', '-f', 'qcow2', '-u', '-F', 'raw', '-b', path('base'), '-o', 'compat=0.10', old, '1M')
  await refuses(t, inspectQcow2(old, work.stop), { kind: 'unsafe', message: /rests on another file/ })
})

t.test('a disk whose content is in another file is refused', async (t) => {
  const folder = testFolder(t)
  const path = (name: string): string => join(folder, name)
  qemuImg('create', '-f', 'qcow2', '-o', `data_file=${path('data')}`, path('outside'), '1M')
  await refuses(t, inspectQcow2(path('outside'), work.stop), {
    kind: 'unsafe',
    message: /external data file/,
  })
  // Without the bit that says so, the name alone is enough to refuse.
  const bytes = readFileSync(path('outside'))
  bytes.writeBigUInt64BE(0n, 72)
  writeFileSync(path('quiet'), bytes)
  await refuses(t, inspectQcow2(path('quiet'), work.stop), { message: /external data file/ })
})

t.test('encrypted, damaged, dirty, unknown and giant disks are refused', async (t) => {
  const folder = testFolder(t)
  const disk = join(folder, 'disk')
  qemuImg('create', '-f', 'qcow2', disk, '1M')
  const good = readFileSync(disk)
  const changed = (change: (header: Buffer) => void): Buffer => {
    const bytes = Buffer.from(good)
    change(bytes)
    return bytes
  }
  t.strictSame(readQcow2Header(good), { kind: 'header', virtualBytes: 1_048_576 })
  for (const [change, because] of [
    [(header: Buffer) => header.writeUInt32BE(2, 32), /encrypted/],
    [(header: Buffer) => header.writeBigUInt64BE(1n, 72), /in use/],
    [(header: Buffer) => header.writeBigUInt64BE(2n, 72), /marked as damaged/],
    [(header: Buffer) => header.writeBigUInt64BE(1n << 40n, 72), /not known/],
    [(header: Buffer) => header.writeUInt32BE(9, 4), /version 9/],
    [(header: Buffer) => header.writeBigUInt64BE(1n << 60n, 24), /bytes, and .* are the most/],
    [(header: Buffer) => header.writeBigUInt64BE(0n, 24), /no bytes/],
    [(header: Buffer) => header.writeUInt32BE(0xffffffff, 100), /no end/],
  ] as const) {
    t.match(readQcow2Header(changed((header) => void change(header))), { kind: 'refused', because })
  }
  t.match(readQcow2Header(good.subarray(0, 50)), { kind: 'refused', because: /ends within/ })
})

t.test('whatever a header says, it is read or refused', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400, size: 'max' }), (bytes) => {
      const head = Buffer.concat([Buffer.from('514649fb00000003', 'hex'), bytes])
      return ['header', 'refused'].includes(readQcow2Header(head).kind)
    }),
  )
  t.pass()
})

t.test('a tool that fails is told in its own words, and one that is stopped ends', async (t) => {
  const folder = testFolder(t)
  const disk = join(folder, 'disk')
  qemuImg('create', '-f', 'qcow2', disk, '1M')
  writeFileSync(disk, readFileSync(disk).fill(0xff, 65_536))
  await refuses(t, qcow2ToRaw(disk, join(folder, 'no', 'such', 'folder'), work), {
    kind: 'tool-failed',
    message: /qemu-img ended with 1: /,
  })
  const stopped = { ...work, stop: AbortSignal.abort() }
  await t.rejects(qcow2ToRaw(disk, join(folder, 'out'), stopped), { name: 'AbortError' })
})
