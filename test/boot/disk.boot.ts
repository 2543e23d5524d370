import t from 'tap'
import { testFolder } from '../folder.ts'
import { imported, stockDiskImage } from './disk-image.ts'
import { kernelOn, mac, missingStep, patience, startRig } from './rig.ts'
import { digestOf, gib, plugged, usedDisk } from './test-disks.ts'

// What becomes of a disk that may be written: join.ts.

void t.test('bios: a disk that holds data is left alone, and the timeline says why', async (t) => {
  testFolder(t)
  const used = usedDisk(t, 'IW-DATA', gib / 2)
  const before = digestOf(used)
  await using rig = await startRig({
    name: 'disk-data',
    firmware: 'bios',
    disk: 'empty',
    stock: stockDiskImage,
    settings: [
      `approve: ["${mac}"]`,
      kernelOn('bios'),
      `machines: [{mac: "${mac}", hostname: node-1, method: disk, image: ${imported.name}, ephemeral: debian}]`,
    ],
    machineWords: plugged([used]),
  })
  await rig.appliance.waitFor('install-failed', () => true, patience)
  await rig.machine.waitForSerial('This machine starts over in 60 seconds.', patience)
  const { machine, diagnosis } = await rig.record()
  await rig.machine.pullPlug()
  const steps = [
    { kind: 'script-served', script: 'install-disk' },
    { kind: 'inventory-taken' },
    { kind: 'install-failed', cause: 'disk-refused' },
    { kind: 'machine-state-changed', from: 'installing', to: 'failed' },
    { kind: 'attempt-ended', result: 'failed' },
  ] as const
  t.equal(missingStep(rig.appliance.happened, steps), undefined)
  t.match(machine.stateBecause, /IW-DATA holds data: .*gpt on vda.*ext4 on vda1/)
  t.equal(diagnosis.verdict, 'install-failed', diagnosis.because)
  t.equal(digestOf(used), before, 'not a byte of it was touched')
})
