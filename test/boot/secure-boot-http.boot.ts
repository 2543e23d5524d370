import t from 'tap'
import { httpLoaders } from './loaders.ts'
import { ramBoot } from './ram.ts'
import { mac, patience, startRig } from './rig.ts'

const withoutPxe = ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=no']

// Firmware with the keys of Microsoft and without PXE: shim, GRUB, its configuration, kernel and initrd all come by HTTP.
ramBoot({
  name: 'secure-boot-http',
  firmware: 'uefi-secure-boot',
  alsoNetwork: 'loader: shim-grub',
  bootPrograms: httpLoaders,
  machineWords: withoutPxe,
  begins: [
    { kind: 'machine-discovered' },
    { kind: 'attempt-started' },
    { kind: 'firmware-asked', client: 'HTTP boot firmware', architecture: 'x64 UEFI HTTP' },
    { kind: 'boot-offered', program: 'http://10.78.0.1:8080/programs/shimx64.efi' },
    { kind: 'address-leased', to: 'HTTP boot firmware' },
    { kind: 'file-served', file: 'shimx64.efi', complete: true },
    { kind: 'file-served', file: 'grubx64.efi', complete: true },
  ],
  also: async (t, rig) => {
    t.match(await rig.machine.serialText(), /[Ss]ecure boot enabled/, 'the kernel sees it enforced')
    const kinds = rig.appliance.happened.map(({ event }) => event.kind)
    t.notOk(kinds.includes('program-sent') || kinds.includes('program-not-sent'), 'nothing was asked by TFTP')
  },
})

void t.test(
  'HTTP boot: firmware is not led to a GRUB that has no HTTP, and the doctor says why',
  async (t) => {
    await using rig = await startRig({
      name: 'http-without-grub',
      firmware: 'uefi',
      disk: 'empty',
      alsoNetwork: 'loader: shim-grub',
      bootPrograms: ['/usr/lib/shim', '/usr/lib/grub/x86_64-efi-signed'],
      settings: [`approve: ["${mac}"]`],
      machineWords: withoutPxe,
    })
    const { event } = await rig.appliance.waitFor('boot-offered', () => true, patience)
    t.match(event, { program: 'nothing', because: /^grubx64\.efi of this box has no HTTP/ })
    t.match((await rig.record()).diagnosis, { verdict: 'no-boot-program', because: /no HTTP/ })
  },
)
