import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { findInIso, type ReadAt } from '../../server/images/iso-9660.ts'
import { testFolder } from '../folder.ts'
import { someBytes } from './a-store.ts'

/** Reads as a file does: fewer bytes at its end. */
function readerOf(bytes: Uint8Array): ReadAt {
  return async (offset, byteCount) => bytes.subarray(offset, offset + byteCount)
}

function anIso(folder: string, ...words: readonly string[]): Buffer {
  const content = join(folder, 'content')
  mkdirSync(join(content, 'casper'), { recursive: true })
  mkdirSync(join(content, '.disk'))
  writeFileSync(join(content, 'casper', 'vmlinuz'), kernel)
  writeFileSync(join(content, 'casper', 'initrd'), initrd)
  writeFileSync(
    join(content, 'casper', 'ubuntu-server-minimal.ubuntu-server.installer.generic.squashfs'),
    'x',
  )
  // More entries than one sector holds.
  for (let i = 0; i < 100; i++)
    writeFileSync(join(content, 'casper', `a-long-name-number-${i}.list`), String(i))
  writeFileSync(
    join(content, '.disk', 'info'),
    'Ubuntu-Server 24.04.3 LTS "Noble Numbat" - Release amd64 (20250805)',
  )
  const iso = join(folder, 'an.iso')
  execFileSync('xorriso', ['-as', 'mkisofs', '-quiet', ...words, '-o', iso, content], { stdio: 'pipe' })
  return readFileSync(iso)
}

const kernel = someBytes(50_000)
const initrd = someBytes(3_000)

for (const [what, ...words] of [
  ['Rock Ridge', '-r'],
  ['Joliet beside Rock Ridge', '-r', '-J'],
  ['the plain names of ISO 9660', '-iso-level', '3', '--norock'],
] as const) {
  t.test(`files are found on a medium of xorriso with ${what}`, async (t) => {
    const iso = anIso(testFolder(t), ...words)
    for (const [path, bytes] of [
      ['casper/vmlinuz', kernel],
      ['/casper/initrd', initrd],
    ] as const) {
      const found = await findInIso(readerOf(iso), path)
      if (found.kind !== 'file') return t.fail(`${path}: ${found.kind}`)
      const { offset, byteCount } = found.extent
      t.ok(iso.subarray(offset, offset + byteCount).equals(bytes), path)
    }
    t.strictSame(await findInIso(readerOf(iso), 'casper/hwe-vmlinuz'), { kind: 'missing' })
    t.strictSame(await findInIso(readerOf(iso), 'casper'), { kind: 'missing' }, 'a folder is no file')
    t.strictSame(await findInIso(readerOf(iso), 'casper/vmlinuz/x'), { kind: 'missing' })
  })
}

t.test('Rock Ridge gives names that ISO 9660 has no letters for', async (t) => {
  const found = await findInIso(readerOf(anIso(testFolder(t), '-r')), '.disk/info')
  t.equal(found.kind, 'file')
})

t.test('a medium that is cut off or damaged is told, and never loops', async (t) => {
  const iso = anIso(testFolder(t), '-r')
  t.match(await findInIso(readerOf(iso.subarray(0, 34_000)), 'casper/vmlinuz'), { kind: 'malformed' })
  t.match(await findInIso(readerOf(new Uint8Array()), 'casper/vmlinuz'), { kind: 'malformed' })
  const change = fc.record({ at: fc.nat(100_000), byte: fc.nat(255) })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 40 }), async (changes) => {
      const damaged = Buffer.from(iso)
      for (const { at, byte } of changes) damaged[at + 32_768] = byte
      const found = await findInIso(readerOf(damaged), 'casper/vmlinuz')
      return ['file', 'missing', 'malformed'].includes(found.kind)
    }),
    { numRuns: 500 },
  )
  t.pass()
})
