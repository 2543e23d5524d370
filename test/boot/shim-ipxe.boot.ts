import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { testFolder } from '../folder.ts'
import { kernelBoot } from './kernel.ts'
import { laterIpxe } from './loaders.ts'
import { patience, startRig } from './rig.ts'

const signedGrub = '/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'

// The signed iPXE itself is in no distribution. So an unsigned iPXE of 2025 stands here for shim and for what shim loads at
// once: OVMF loads it from the folder of the signed pair, it finds its script there, and reads the command shim. The second
// file only has to be signed; GRUB's is.
kernelBoot({
  name: 'shim-ipxe',
  firmware: 'uefi',
  alsoNetwork: 'loader: shim-ipxe',
  bootPrograms: async () => {
    const folder = testFolder(t, {
      'snponly-shimx64.efi': readFileSync(join(await laterIpxe(), 'snponly.efi')),
      'snponly.efi': readFileSync(signedGrub),
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

// Debian's shim is of the same version as iPXE's, and asks for GRUB where that asks for iPXE.
void t.test('shim looks for what it loads in the folder that it was fetched from', async (t) => {
  const folder = testFolder(t, {
    'snponly-shimx64.efi': readFileSync('/usr/lib/shim/shimx64.efi.signed'),
    'snponly.efi': readFileSync(signedGrub),
  })
  await using rig = await startRig({
    name: 'shim-in-a-folder',
    firmware: 'uefi',
    disk: 'empty',
    alsoNetwork: 'loader: shim-ipxe',
    bootPrograms: [folder, '/usr/lib/grub/x86_64-efi-signed'],
    settings: ['approve: []'],
  })
  const { event } = await rig.appliance.waitFor(
    'program-sent',
    ({ file }) => file.endsWith('grubx64.efi'),
    patience,
  )
  t.match(event, { file: 'ipxe-signed/x64/grubx64.efi' })
})
