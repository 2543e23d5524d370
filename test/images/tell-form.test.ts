import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import t from 'tap'
import { tellForm, tellingBytes } from '../../server/images/tell-form.ts'
import { testFolder } from '../folder.ts'
import { someBytes } from './a-store.ts'
import { isoOf, rawDisk } from './some-images.ts'

function formOf(bytes: Uint8Array): string {
  const told = tellForm(bytes.subarray(0, tellingBytes))
  return told.kind === 'form' ? told.form : told.because
}

t.test('what programs we did not write have made is told apart', async (t) => {
  const folder = testFolder(t, { root: { etc: { hostname: 'a\n' } } })
  const path = (name: string): string => join(folder, name)
  writeFileSync(path('raw'), rawDisk(2_000_000))
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', path('raw'), path('qcow2')])
  t.equal(formOf(readFileSync(path('qcow2'))), 'qcow2')
  execFileSync('mksquashfs', [path('root'), path('squashfs'), '-quiet', '-no-progress'])
  t.equal(formOf(readFileSync(path('squashfs'))), 'squashfs')
  t.equal(formOf(readFileSync(isoOf(path('.'), { 'a/file': 'x' }))), 'iso')
  execFileSync('tar', ['-czf', path('tar'), '-C', path('root'), '.'])
  t.equal(formOf(readFileSync(path('tar'))), 'gzip')
  for (const [form, because] of [
    ['vmdk', 'this is a VMDK disk'],
    ['vhdx', 'this is a VHDX disk'],
    ['vdi', 'this is a VDI disk'],
  ] as const) {
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', form, path('raw'), path(form)])
    t.equal(formOf(readFileSync(path(form))), because)
  }
})

t.test('a disk is told by its partition table', async (t) => {
  t.equal(formOf(rawDisk(1_000_000)), 'raw')
  const sectorsOf4096 = Buffer.alloc(100_000)
  sectorsOf4096.write('EFI PART', 4096)
  t.equal(formOf(sectorsOf4096), 'raw')
  const mbr = Buffer.alloc(512)
  mbr.writeUInt16LE(0xaa55, 510)
  t.match(formOf(mbr), /neither/, 'an MBR without a partition is none')
  mbr[446] = 0x80
  mbr[450] = 0x83
  t.equal(formOf(mbr), 'raw')
  mbr[462] = 0x31
  t.match(formOf(mbr), /neither/, 'a boot sector of a file system is no partition table')
})

t.test('a hybrid medium, which has a partition table as well, is an ISO', async (t) => {
  const iso = readFileSync(isoOf(testFolder(t), { 'a/file': 'x' }))
  rawDisk(200_000).copy(iso, 0, 0, 512)
  t.equal(formOf(iso), 'iso')
})

t.test('what cannot be taken is named, with what is to be done', async (t) => {
  t.match(tellForm(zstdCompressSync(someBytes(100))), {
    because: 'this is packed with zstd',
    nextStep: /zstd -d/,
  })
  t.match(tellForm(Buffer.from('fd377a585a000004', 'hex')), { nextStep: /xz -dk/ })
  t.match(tellForm(Buffer.from('\n<!DOCTYPE html><html>')), { because: 'this is a web page' })
  t.match(tellForm(new Uint8Array()), { because: 'the file is empty' })
  t.match(tellForm(Buffer.from('hello')), { because: /neither/, nextStep: /file FILE/ })
  t.equal(formOf(gzipSync('x')), 'gzip')
})

t.test('whatever the bytes are, something is said of them', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40_000, size: 'max' }), (bytes) => formOf(bytes).length > 0),
  )
  t.pass()
})
