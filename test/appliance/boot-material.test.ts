import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findPrograms, readTemplates } from '../../server/appliance/boot-material.ts'

t.test('signed loaders are served under the names they are asked for by', (t) => {
  const folder = t.testdir({
    data: { 'grubx64.efi': 'own', 'snponly.efi': 'ipxe', 'secret.txt': 'x', 'mmx64.efi': '' },
    shim: { 'shimx64.efi.signed': 'shim', 'shimx64.efi': 'unsigned', 'mmx64.efi.signed': 'mm' },
    grub: { 'grubnetx64.efi.signed': 'grub', 'grubx64.efi.signed': 'for disks' },
  })
  const of = (...names: string[]) => {
    const programs = findPrograms(names.map((name) => `${folder}/${name}`))
    const text = (name: string) => Buffer.from(programs.get(name) ?? []).toString()
    return Object.fromEntries([...programs.keys()].map((name) => [name, text(name)]))
  }
  t.strictSame(of('shim', 'grub'), { 'shimx64.efi': 'shim', 'grubx64.efi': 'grub', 'mmx64.efi': 'mm' })
  t.strictSame(
    of('data', 'shim', 'grub', 'missing'),
    { 'snponly.efi': 'ipxe', 'shimx64.efi': 'shim', 'grubx64.efi': 'own', 'mmx64.efi': 'mm' },
    'an earlier folder counts first, an empty file does not',
  )
  t.end()
})

t.test('a program is read once, when it is asked for, and one that has gone is none', (t) => {
  const folder = t.testdir({ 'snponly.efi': 'ipxe', 'undionly.kpxe': 'bios' })
  const programs = findPrograms([folder])
  rmSync(join(folder, 'undionly.kpxe'))
  const first = programs.get('snponly.efi')
  t.same(first, Buffer.from('ipxe'))
  rmSync(join(folder, 'snponly.efi'))
  t.equal(programs.get('snponly.efi'), first, 'the same bytes as before')
  t.equal(programs.get('undionly.kpxe'), undefined)
  t.equal(programs.get('nothing.efi'), undefined)
  t.end()
})

t.test('there is a template of each name in both languages', (t) => {
  t.match(readTemplates().chain, /^#!ipxe/)
  t.match(readTemplates('grub').chain, /net_default_mac/)
  t.end()
})

t.test('the files of the Raspberry Pi keep their folders', (t) => {
  const folder = t.testdir({
    'snponly.efi': 'ipxe',
    'raspberry-pi': {
      'config.txt': 'arm_64bit=1',
      overlays: { 'a.dtbo': 'a' },
      '9ffefdef': { 'config.txt': 'b' },
    },
  })
  t.strictSame([...findPrograms([folder]).keys()].toSorted(), [
    'raspberry-pi/9ffefdef/config.txt',
    'raspberry-pi/config.txt',
    'raspberry-pi/overlays/a.dtbo',
    'snponly.efi',
  ])
  t.end()
})
