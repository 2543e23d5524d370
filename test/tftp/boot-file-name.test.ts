import * as fc from 'fast-check'
import { posix } from 'node:path'
import t from 'tap'
import { bootFileName } from '../../server/tftp/boot-file-name.ts'

t.test('what firmware writes before a name and between its parts is taken away', (t) => {
  for (const [asked, file] of [
    ['ipxe.efi', 'ipxe.efi'],
    ['/ipxe.efi', 'ipxe.efi'],
    ['//ipxe.efi', 'ipxe.efi'],
    ['\\Boot\\x64\\ipxe.efi', 'Boot/x64/ipxe.efi'],
    ['./ipxe.efi', 'ipxe.efi'],
    ['/grub//x86_64-efi/./command.lst', 'grub/x86_64-efi/command.lst'],
    ['..foo', '..foo'],
    ['foo..', 'foo..'],
    ['constructor', 'constructor'],
    ['ünïcode.efi', 'ünïcode.efi'],
    ['a name with spaces', 'a name with spaces'],
  ] as const) {
    t.same(bootFileName(asked), { kind: 'name', file }, asked)
  }
  t.end()
})

t.test('a name that leads outside, or is none, is refused', (t) => {
  for (const [asked, because] of [
    ['../etc/passwd', /leads outside/],
    ['/../etc/passwd', /leads outside/],
    ['a/../../etc/passwd', /leads outside/],
    ['a/..', /leads outside/],
    ['..\\..\\windows', /leads outside/],
    ['..', /leads outside/],
    ['', /empty/],
    ['/', /empty/],
    ['././', /empty/],
    ['a\nb', /characters/],
    ['a\u0000b', /characters/],
    ['a\u001b[2Jb', /characters/],
    ['a\u{fffd}b', /characters/],
    ['x'.repeat(256), /too long/],
  ] as const) {
    t.match(bootFileName(asked), { kind: 'refused', because }, JSON.stringify(asked))
  }
  t.end()
})

t.test('no name leads outside its folder', (t) => {
  const piece = fc.oneof(
    fc.constantFrom('..', '.', '/', '\\', '//', '%2e%2e', '\u0000', 'a', '~'),
    fc.string(),
  )
  let names = 0
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const name = bootFileName(pieces.join(''))
      if (name.kind === 'refused') return
      names++
      t.ok(posix.resolve('/srv/boot', name.file).startsWith('/srv/boot/'), name.file)
      t.same(bootFileName(name.file), name, 'a clean name stays as it is')
    }),
  )
  t.ok(names > 5, `${names} names were looked at`)
  t.end()
})
