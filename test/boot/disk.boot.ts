import { execFileSync } from 'node:child_process'
import t from 'tap'
import type { Firmware } from '../../server/demo/boards.ts'
import { imported, stockDiskImage } from './disk-image.ts'
import { kernelOn, mac, missingStep, patience, startRig, type Step } from './rig.ts'
import { blankDisk, digestOf, gib, inRoot, plugged, usedDisk } from './test-disks.ts'

const image = `${imported.name}@${imported.version}`

/** An install that is cut off, and how the next one begins. */
const killed: readonly Step[] = [
  { kind: 'machine-state-changed', from: 'discovered', to: 'approved' },
  { kind: 'disk-chosen', image },
  { kind: 'attempt-ended', result: 'abandoned' },
  { kind: 'machine-state-changed', from: 'installing', to: 'failed' },
  { kind: 'script-served', script: 'install-disk' },
  { kind: 'machine-state-changed', from: 'failed', to: 'installing' },
]

const install: readonly Step[] = [
  { kind: 'machine-state-changed', from: 'discovered', to: 'approved' },
  { kind: 'script-served', script: 'install-disk' },
  { kind: 'machine-state-changed', from: 'approved', to: 'installing' },
  { kind: 'file-served', file: 'debian/squashfs', complete: true },
  { kind: 'seed-served', file: 'vendor-data' },
  { kind: 'inventory-taken' },
  { kind: 'disk-chosen', image },
  { kind: 'file-served', file: `${image}/disk.raw.zst`, complete: true },
  { kind: 'disk-written', image },
  { kind: 'attempt-ended', result: 'written' },
  { kind: 'script-served', script: 'boot-local' },
  { kind: 'cloud-init-finished', stage: 'init-network', result: 'SUCCESS' },
  { kind: 'cloud-init-finished', stage: 'modules-final', result: 'SUCCESS' },
  { kind: 'machine-state-changed', from: 'installing', to: 'installed' },
]

function settingsFor(firmware: Firmware, machine: string): readonly string[] {
  return [
    `approve: ["${mac}"]`,
    kernelOn(firmware),
    `machines: [{mac: "${mac}", hostname: node-1, method: disk, image: ${imported.name}, ephemeral: debian${machine}}]`,
  ]
}

for (const firmware of ['bios', 'uefi'] as const) {
  void t.test(
    `${firmware}: the disk that is meant is written, ${firmware === 'bios' ? 'after a reset in the middle, ' : ''}and the machine starts from it`,
    async (t) => {
      t.testdir()
      const other = usedDisk(t, 'IW-OTHER', gib / 2)
      const before = digestOf(other)
      const meant = blankDisk(t, 'IW-ROOT', 2 * gib)
      await using rig = await startRig({
        name: `disk-${firmware}`,
        firmware,
        disk: 'empty',
        stock: stockDiskImage,
        settings: settingsFor(firmware, ', disk: serial=IW-ROOT'),
        // The firmware looks for a system on the first of them.
        machineWords: plugged(firmware === 'bios' ? [meant, other] : [other, meant]),
      })
      const began = performance.now()
      if (firmware === 'bios') {
        // Somebody presses the reset button in the middle.
        await rig.appliance.waitFor('disk-chosen', () => true, patience)
        await rig.machine.waitForSerial('write-disk: writing', patience)
        rig.machine.reset()
      }
      await rig.appliance.waitFor('machine-state-changed', ({ to }) => to === 'installed', patience)
      const { machine, diagnosis } = await rig.record()
      const timeline = rig.appliance.happened
      t.comment(`${firmware}: installed after ${((performance.now() - began) / 1_000).toFixed(1)} s`)
      t.equal(
        missingStep(timeline, firmware === 'bios' ? [...killed, ...install.slice(3)] : install),
        undefined,
        'each step follows the one before',
      )
      t.match(machine, {
        state: 'installed',
        failures: 0,
        install: { phase: 'installed', image, disk: { serial: 'IW-ROOT', bytes: 2 * gib } },
      })
      t.equal(diagnosis.verdict, 'own-disk', diagnosis.because)
      t.match(await rig.machine.serialText(), /Ironwake: node-1 is up/, 'the system says so on its console')
      const notes = timeline.flatMap(({ event }) => (event.kind === 'disk-note' ? event.note : []))
      t.ok(
        notes.some((note) => /^the partition vd[ab]1 has 20[23][0-9] MiB now$/.test(note)),
        notes.join('; '),
      )
      if (firmware === 'uefi') {
        t.ok(
          notes.some((note) => note.startsWith('the boot order has the disk behind the network')),
          notes.join('; '),
        )
      }
      t.notOk(
        timeline.some(({ event }) => event.kind === 'request-refused' && event.expected !== true),
        'nothing was refused on the way',
      )
      await rig.machine.pullPlug()

      t.equal(digestOf(other), before, 'the other disk is as it was')
      t.match(execFileSync('sgdisk', ['--verify', meant.path], { encoding: 'utf8' }), /No problems found/)
      t.match(inRoot(meant, 'stat /var/lib/cloud/seed/nocloud'), /Mode: +0700/, 'the seed is for root alone')
      t.match(inRoot(meant, 'stat /var/lib/cloud/seed/nocloud/user-data'), /Mode: +0600/)
      const [, blocks = '0'] = /^Block count: +([0-9]+)$/m.exec(inRoot(meant, 'stats')) ?? []
      t.ok(Number(blocks) * 4_096 > 1.9 * gib, `its file system fills the disk: ${blocks} blocks`)
    },
  )
}

void t.test('bios: a disk that holds data is left alone, and the timeline says why', async (t) => {
  t.testdir()
  const used = usedDisk(t, 'IW-DATA', gib / 2)
  const before = digestOf(used)
  await using rig = await startRig({
    name: 'disk-data',
    firmware: 'bios',
    disk: 'empty',
    stock: stockDiskImage,
    settings: settingsFor('bios', ''),
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
