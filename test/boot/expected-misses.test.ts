import t from 'tap'
import { expectedMiss } from '../../server/boot/expected-misses.ts'
import { programNames } from '../../server/boot/programs.ts'

t.test('what GRUB, shim and the Raspberry Pi try out is no fault', (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['grub/x86_64-efi/command.lst', /^GRUB/],
    ['/programs/grub/x86_64-efi/terminal.lst', /^GRUB/],
    ['grub/x86_64-efi/all_video.mod', /^GRUB/],
    ['grub/fonts/unicode.pf2', /^GRUB/],
    ['grub/grub.cfg-0A4E0001', /^GRUB/],
    ['grub/grub.cfg-0A', /^GRUB/],
    ['grub/grub.cfg-7f4c2a10-5b1e-4d6f-9a3b-0c1d2e3f4a5b', /^GRUB/],
    ['revocations.efi', /^shim/],
    ['shim_certificate_0.efi', /^shim/],
    ['/programs/shim_certificate.efi', /^shim/],
    ['9ffefdef/start4.elf', /^Raspberry Pi/],
    ['dc-a6-32-01-36-c2/config.txt', /^Raspberry Pi/],
    ['9ffefdef/overlays/overlay_map.dtb', /^Raspberry Pi/],
  ]
  for (const [file, who] of cases) t.match(expectedMiss(file), who, file)
  t.end()
})

t.test('a boot program, a configuration or a typing error that is not there is one', (t) => {
  for (const file of [
    ...programNames,
    'autoexec.ipxe',
    'grub/grub.cfg',
    'grub.cfg-01-52-54-00-b0-07-01',
    'pxelinux.0',
    'start4.elf',
    '',
    '/images/noble/vmlinuz',
    '/seed/0123456789abcdef/meta-data',
  ]) {
    t.equal(expectedMiss(file), undefined, file)
  }
  t.end()
})
