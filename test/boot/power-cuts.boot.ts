import t from 'tap'
import { testFolder } from '../folder.ts'
import { stockDiskImage } from './disk-image.ts'
import { endsInstalled, headOf, hear, installPlaces, installSettings } from './install-places.ts'
import { quickSystem } from './quick-system.ts'
import { mac, startRig, type Rig } from './rig.ts'
import { blankDisk, digestOf, gib, plugged, usedDisk } from './test-disks.ts'

void t.test(
  'a machine whose power goes away at any place of its install goes on when it comes back, by whatever names its disks have then',
  async (t) => {
    testFolder(t)
    const disk = blankDisk(t, 'IW-ROOT', 2 * gib)
    const other = usedDisk(t, 'IW-OTHER', gib / 2)
    const before = digestOf(other)
    await using rig = await startRig({
      name: 'power-cuts',
      firmware: 'bios',
      disk: 'empty',
      imageFolder: await quickSystem(),
      stock: stockDiskImage,
      settings: installSettings,
      machineWords: plugged([disk, other]),
    })
    const began = performance.now()
    for (const [index, place] of installPlaces.entries()) {
      await place.reached(rig, disk)
      await rig.machine.pullPlug()
      const { machine } = (await recordOf(rig)) ?? {}
      t.comment(
        `${place.name}: the power goes away, ${((performance.now() - began) / 1_000).toFixed(1)} s after the start`,
      )
      t.equal(machine?.install?.phase, place.phase, `${place.name}: that is how far it is`)
      const head = headOf(disk).some((byte) => byte !== 0) ? 'written' : 'empty'
      t.equal(head, place.head ?? 'empty', `${place.name}: a disk that is not whole has no head`)
      // Their names change places with each start; the firmware looks for a system on the first, so in the end that is the one with it.
      const isSwapped = index % 2 === 0 && index < installPlaces.length - 1
      await rig.cycleMachine(plugged(isSwapped ? [other, disk] : [disk, other]))
      if (machine?.state === 'installing' && machine.failures === 2 && machine.install?.phase !== 'written') {
        // The third in a row; a person says that it was the power.
        await hear(rig, 'machine-state-changed', ({ to }) => to === 'quarantined')
        await rig.ironwake('machines', 'retry', mac)
        await rig.cycleMachine()
      }
    }
    await endsInstalled(t, rig, disk)
    t.equal(digestOf(other), before, 'the other disk is as it was')
    t.comment(`installed after ${((performance.now() - began) / 1_000).toFixed(1)} s`)
  },
)

/** Absent, the box has not heard of the machine. */
async function recordOf(rig: Rig) {
  if (!rig.appliance.happened.some(({ event }) => event.kind === 'machine-discovered')) return undefined
  return await rig.record()
}
