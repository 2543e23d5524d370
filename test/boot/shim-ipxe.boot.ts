import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelBoot } from './kernel.ts'
import { laterIpxe } from './loaders.ts'

// The signed iPXE itself is in no distribution. So an unsigned iPXE of 2025 stands here for shim and for what shim loads at
// once: OVMF loads it from the folder of the signed pair, it finds its script there, and reads the command shim. The second
// file only has to be signed; GRUB's is.
kernelBoot({
  name: 'shim-ipxe',
  firmware: 'uefi',
  alsoNetwork: 'loader: shim-ipxe',
  bootPrograms: async () => {
    const folder = t.testdir({
      'snponly-shimx64.efi': readFileSync(join(await laterIpxe(), 'snponly.efi')),
      'snponly.efi': readFileSync('/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'),
    })
    return [folder, '/usr/lib/shim']
  },
  begins: [
    { kind: 'firmware-asked', client: 'PXE firmware', architecture: 'x64 UEFI' },
    { kind: 'boot-offered', program: 'ipxe-signed/x64/snponly-shimx64.efi' },
    { kind: 'program-sent', file: 'ipxe-signed/x64/snponly-shimx64.efi' },
    { kind: 'program-sent', file: 'autoexec.ipxe' },
    { kind: 'firmware-asked', client: 'iPXE', architecture: 'x64 UEFI' },
  ],
  also: async (t, rig) => {
    const screen = await rig.machine.serialText()
    t.match(screen, /autoexec\.ipxe\.\.\. ok/)
    t.notMatch(screen, /command not found/, 'it knows every command of its scripts')
  },
})
