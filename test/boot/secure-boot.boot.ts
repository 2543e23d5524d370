import t from 'tap'
import { diskBootedText } from '../../server/demo/bootable-disk.ts'
import { mac, missingStep, patience, startRig } from './rig.ts'
import { ramBoot } from './ram.ts'

// With the keys of Microsoft the firmware starts shim, which Microsoft has signed; shim starts GRUB, and GRUB the kernel,
// which Debian has signed.
ramBoot({
  name: 'secure-boot',
  firmware: 'uefi-secure-boot',
  image: 'synced',
  alsoNetwork: 'loader: shim-grub',
  // The signed GRUB of Debian 12 has no HTTP.
  kernelBy: 'tftp',
  begins: [
    { kind: 'machine-discovered' },
    { kind: 'attempt-started' },
    { kind: 'firmware-asked', client: 'PXE firmware', architecture: 'x64 UEFI' },
    { kind: 'boot-offered', program: 'shimx64.efi' },
    { kind: 'address-leased', to: 'PXE firmware' },
    { kind: 'program-sent', file: 'shimx64.efi' },
    { kind: 'program-sent', file: 'grubx64.efi' },
  ],
  also: async (t, rig) => {
    t.match(await rig.machine.serialText(), /[Ss]ecure boot enabled/, 'the kernel sees it enforced')
    const alarms = rig.appliance.happened.filter(
      ({ event }) => event.kind === 'program-not-sent' && !event.expected,
    )
    t.strictSame(alarms, [], 'what shim and GRUB only try out is no alarm')
  },
})

void t.test('secure boot: what nobody has signed is not started', async (t) => {
  await using rig = await startRig({
    name: 'secure-boot-unsigned',
    firmware: 'uefi-secure-boot',
    disk: 'empty',
    settings: [`approve: ["${mac}"]`],
  })
  await rig.machine.waitForSerial(/Access Denied|Security Violation/, patience)
  await rig.appliance.waitFor('program-sent', ({ file }) => file === 'snponly.efi', patience)
  const steps = [
    { kind: 'boot-offered', program: 'snponly.efi' },
    { kind: 'program-sent', file: 'snponly.efi' },
  ] as const
  t.equal(missingStep(rig.appliance.happened, steps), undefined, 'it was given the unsigned program')
  t.notOk(
    rig.appliance.happened.some(
      ({ event }) =>
        event.kind === 'script-served' || (event.kind === 'firmware-asked' && event.client === 'iPXE'),
    ),
    'the program did not run',
  )
})

void t.test('shim and GRUB: a machine that is not approved is told so, and reaches its disk', async (t) => {
  await using rig = await startRig({
    name: 'waits-grub',
    firmware: 'uefi',
    disk: 'bootable',
    alsoNetwork: 'loader: shim-grub',
    settings: ['approve: []'],
  })
  await rig.machine.waitForSerial('waits for approval', patience)
  await rig.machine.waitForSerial(diskBootedText, patience)
  const screen = await rig.machine.serialText()
  t.match(screen, /MAC address: 52:54:00:b0:07:01/)
  t.match(screen, /Why: it is not approved/)
  t.match(screen, /Next: On the box: ironwake machines approve [A-Z]{3}-[A-Z]{3}/)
  const steps = [
    { kind: 'program-sent', file: 'grubx64.efi' },
    { kind: 'script-served', script: 'wait' },
    { kind: 'attempt-ended', result: 'local-disk' },
  ] as const
  t.equal(missingStep(rig.appliance.happened, steps), undefined)
  t.equal(
    rig.appliance.happened.filter(({ event }) => event.kind === 'script-served').length,
    1,
    'it asked once and went to its disk',
  )
})
