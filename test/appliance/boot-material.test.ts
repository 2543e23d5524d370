import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findPrograms, readTemplates } from '../../server/appliance/boot-material.ts'
import { grubsWithoutHttp } from '../../server/appliance/grubs-without-http.ts'
import { signedIpxeIn } from '../../server/appliance/signed-ipxe-in.ts'
import { aPortableExecutable } from '../boot/a-portable-executable.ts'
import { testFolder } from '../folder.ts'

t.test('signed loaders are served under the names they are asked for by', (t) => {
  const folder = testFolder(t, {
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

t.test('files that the settings name are served, and nothing else of the folders', (t) => {
  const folder = testFolder(t, { 'boot.scr': 'script', 'snponly.efi': 'ipxe', 'secret.txt': 'x' })
  const programs = findPrograms([folder], ['boot.scr', 'snponly.efi', 'missing.efi'])
  t.strictSame([...programs.keys()].toSorted(), ['boot.scr', 'snponly.efi'])
  t.same(programs.get('boot.scr'), Buffer.from('script'))
  t.end()
})

t.test('a program is read once, when it is asked for, and one that has gone is none', (t) => {
  const folder = testFolder(t, { 'snponly.efi': 'ipxe', 'undionly.kpxe': 'bios' })
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
  const folder = testFolder(t, {
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

const signed = aPortableExecutable({ cpu: 'x86_64', signature: 'carried' })
const unsigned = aPortableExecutable({ cpu: 'x86_64', signature: 'none' })
const signedArm = aPortableExecutable({ cpu: 'arm64', signature: 'carried' })

t.test('the signed iPXE is served from a folder of its own, and its files stand for nothing else', (t) => {
  const folder = testFolder(t, {
    sb: {
      'snponly-shimx64.efi': signed,
      'snponly.efi': signed,
      'ipxe.efi': signed,
      'shimx64.efi': signed,
      'raspberry-pi': { 'config.txt': 'x' },
    },
    distribution: { 'snponly.efi': 'unsigned', 'shimx64.efi.signed': 'shim' },
  })
  const programs = findPrograms([`${folder}/sb`, `${folder}/distribution`])
  t.strictSame([...programs.keys()].toSorted(), [
    'ipxe-signed/x64/snponly-shimx64.efi',
    'ipxe-signed/x64/snponly.efi',
    'raspberry-pi/config.txt',
    'shimx64.efi',
    'snponly.efi',
  ])
  t.equal(String(programs.get('snponly.efi')), 'unsigned')
  t.equal(
    String(programs.get('shimx64.efi')),
    'shim',
    "shim of the distribution trusts the distribution's GRUB",
  )
  t.end()
})

t.test("the archive of iPXE's release is read where it was unpacked, for each processor", (t) => {
  const of = (bytes: Buffer, shim: string) => ({
    'snponly-shim.efi': bytes,
    'snponly.efi': bytes,
    'ipxe-shim.efi': bytes,
    'ipxe.efi': bytes,
    [shim]: bytes,
  })
  const folder = testFolder(t, {
    'snponly.efi': 'unsigned',
    ipxeboot: { 'x86_64-sb': of(signed, 'shimx64.efi'), 'arm64-sb': of(signedArm, 'shimaa64.efi') },
  })
  t.strictSame([...findPrograms([folder]).keys()].toSorted(), [
    'ipxe-signed/aa64/ipxe-shimaa64.efi',
    'ipxe-signed/aa64/ipxe.efi',
    'ipxe-signed/aa64/snponly-shimaa64.efi',
    'ipxe-signed/aa64/snponly.efi',
    'ipxe-signed/x64/ipxe-shimx64.efi',
    'ipxe-signed/x64/ipxe.efi',
    'ipxe-signed/x64/snponly-shimx64.efi',
    'ipxe-signed/x64/snponly.efi',
    'snponly.efi',
  ])
  t.end()
})

t.test("iPXE's shim is never served with an iPXE that it would refuse", (t) => {
  const shim = { 'snponly-shimx64.efi': signed }
  const folder = testFolder(t, {
    mixed: { ...shim, 'snponly.efi': unsigned, 'undionly.kpxe': 'bios' },
    alone: shim,
    'other-processor': { ...shim, 'snponly.efi': signedArm },
    'no-program': { 'snponly-shimx64.efi': '<html>', 'snponly.efi': signed },
    elsewhere: { 'snponly.efi': signed },
  })
  const refusalOf = (name: string) => {
    const [pair, ...others] = signedIpxeIn(`${folder}/${name}`)
    t.strictSame(others, [])
    t.notOk([...findPrograms([`${folder}/${name}`]).keys()].some((one) => one.startsWith('ipxe-signed')))
    return pair?.kind === 'refused' ? pair.because : pair?.kind
  }
  t.match(
    refusalOf('mixed'),
    /snponly\.efi is not signed, and snponly-shimx64\.efi beside it would refuse it/,
  )
  t.match(refusalOf('alone'), /snponly-shimx64\.efi has no snponly\.efi beside it, which it loads/)
  t.match(refusalOf('other-processor'), /snponly\.efi is no program for x86_64/)
  t.match(refusalOf('no-program'), /snponly-shimx64\.efi is no program for x86_64/)
  const apart = findPrograms([`${folder}/alone`, `${folder}/elsewhere`])
  t.strictSame([...apart.keys()], ['snponly.efi'], 'an iPXE from another folder is not the one beside shim')
  const mixed = findPrograms([`${folder}/mixed`])
  t.strictSame([...mixed.keys()], ['undionly.kpxe', 'snponly.efi'], 'what is unsigned serves as it did')
  t.end()
})

t.test('a GRUB that has HTTP says what it is to servers, and one that has not is known by that', (t) => {
  const border = 256 * 1024
  const folder = testFolder(t, {
    'grubx64.efi': 'MZ tftp',
    // Across the border of two pieces that are looked at.
    'grubnetaa64.efi.signed': Buffer.concat([Buffer.alloc(border - 4), Buffer.from('User-Agent: GRUB 2.12')]),
    'snponly.efi': 'MZ',
  })
  t.strictSame([...grubsWithoutHttp([folder])], ['grubx64.efi'])
  t.end()
})
