import t from 'tap'
import { diskBootedText } from '../../server/demo/bootable-disk.ts'
import { kernelBoot } from './kernel.ts'
import { arm64Loaders, laterIpxe } from './loaders.ts'
import { ramBoot } from './ram.ts'
import { missingStep, patience, startRig } from './rig.ts'

// AAVMF with the keys of Microsoft: shim, GRUB and a kernel that are signed for arm64, with Secure Boot enforced. The network
// says nothing of a loader; the box has these and no other for arm64.
ramBoot({
  name: 'arm64',
  firmware: 'uefi-arm64-secure-boot',
  bootPrograms: arm64Loaders,
  // The signed GRUB of Debian 12 has no HTTP.
  kernelBy: 'tftp',
  begins: [
    { kind: 'machine-discovered' },
    { kind: 'attempt-started' },
    { kind: 'firmware-asked', client: 'PXE firmware', architecture: 'ARM 64-bit UEFI' },
    { kind: 'boot-offered', program: 'shimaa64.efi' },
    { kind: 'address-leased', to: 'PXE firmware' },
    { kind: 'program-not-sent', file: 'shimaa64.efi', expected: true },
    { kind: 'program-sent', file: 'shimaa64.efi' },
    { kind: 'program-sent', file: 'grubaa64.efi' },
  ],
  also: async (t, rig) => {
    t.match(await rig.machine.serialText(), /secureboot: Secure boot enabled/, 'the kernel sees it enforced')
    const alarms = rig.appliance.happened.filter(
      ({ event }) => event.kind === 'program-not-sent' && !event.expected,
    )
    t.strictSame(alarms, [], 'what shim and GRUB only try out is no alarm')
  },
})

// AAVMF and an iPXE of 2025, by PXE and by HTTP boot.
kernelBoot({
  name: 'arm64-ipxe',
  firmware: 'uefi-arm64',
  bootPrograms: async () => [await laterIpxe()],
  begins: [
    { kind: 'firmware-asked', client: 'PXE firmware', architecture: 'ARM 64-bit UEFI' },
    { kind: 'boot-offered', program: 'ipxe-arm64.efi' },
    { kind: 'program-sent', file: 'ipxe-arm64.efi' },
    { kind: 'program-sent', file: 'autoexec.ipxe' },
    { kind: 'firmware-asked', client: 'iPXE', architecture: 'ARM 64-bit UEFI' },
  ],
})

kernelBoot({
  name: 'arm64-http',
  firmware: 'uefi-arm64',
  bootPrograms: async () => [await laterIpxe()],
  machineWords: ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=no'],
  begins: [
    { kind: 'firmware-asked', client: 'HTTP boot firmware', architecture: 'ARM 64-bit UEFI HTTP' },
    { kind: 'boot-offered', program: 'http://10.78.0.1:8080/programs/ipxe-arm64.efi' },
    { kind: 'file-served', file: 'ipxe-arm64.efi', complete: true },
    { kind: 'firmware-asked', client: 'iPXE', architecture: 'ARM 64-bit UEFI' },
  ],
  also: async (t, rig) => {
    const kinds = rig.appliance.happened.map(({ event }) => event.kind)
    t.notOk(kinds.includes('program-sent'), 'nothing went by TFTP')
    await Promise.resolve()
  },
})

void t.test('arm64: a machine that is not approved is told so by GRUB, and reaches its disk', async (t) => {
  await using rig = await startRig({
    name: 'waits-arm64',
    firmware: 'uefi-arm64',
    disk: 'bootable',
    bootPrograms: await arm64Loaders(),
    settings: ['approve: []'],
  })
  await rig.machine.waitForSerial('waits for approval', patience)
  await rig.machine.waitForSerial(diskBootedText, patience)
  t.match(await rig.machine.serialText(), /Starting \(hd0,msdos1\)\/efi\/boot\/bootaa64\.efi/)
  const steps = [
    { kind: 'program-sent', file: 'grubaa64.efi' },
    { kind: 'script-served', script: 'wait' },
    { kind: 'attempt-ended', result: 'local-disk' },
  ] as const
  t.equal(missingStep(rig.appliance.happened, steps), undefined)
})
