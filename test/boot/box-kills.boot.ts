import t from 'tap'
import type { RecordedEvent } from '../../server/events/event.ts'
import { testFolder } from '../folder.ts'
import { stockDiskImage } from './disk-image.ts'
import {
  endsInstalled,
  hear,
  installPlaces,
  installSettings,
  onConsole,
  written,
  type InstallPlace,
} from './install-places.ts'
import { startRig } from './rig.ts'
import { blankDisk, gib, plugged } from './test-disks.ts'

/** Where a word of the machine, or its answer, is lost with the box, what tells that it is there must be the machine itself. */
const otherwise: ReadonlyMap<string, InstallPlace['reached']> = new Map([
  ['with the whole image on the disk', onConsole(/MiB were written in /)],
  // The box that was killed before may have named it already.
  [
    'when a disk has just been named',
    async (rig, disk) => await Promise.race([hear(rig, 'disk-chosen'), written(1)(rig, disk)]),
  ],
])

const places: readonly InstallPlace[] = [
  ...installPlaces,
  {
    name: 'while the system on the disk reports',
    reached: async (rig) => await hear(rig, 'cloud-init-started'),
  },
]

void t.test(
  'a box that is killed at every place of one install is no reason for the machine to fail',
  async (t) => {
    testFolder(t)
    const disk = blankDisk(t, 'IW-ROOT', 2 * gib)
    await using rig = await startRig({
      name: 'box-kills',
      firmware: 'bios',
      disk: 'empty',
      stock: stockDiskImage,
      settings: installSettings,
      // A server goes round its boot order for ever; so does this one, each two seconds.
      machineWords: [...plugged([disk]), '-boot', 'reboot-timeout=2000'],
    })
    const began = performance.now()
    for (const { name, reached } of places) {
      await (otherwise.get(name) ?? reached)(rig, disk)
      const at = performance.now()
      await rig.cycleBox()
      const [after, away] = [at - began, performance.now() - at].map((ms) => (ms / 1_000).toFixed(1))
      t.comment(`${name}: the box is killed, ${after} s after the start, and is back ${away} s later`)
    }
    await endsInstalled(t, rig, disk)
    t.comment(`installed after ${((performance.now() - began) / 1_000).toFixed(1)} s`)
    // Out of the store: a box that was killed may not have printed what it had kept.
    const lines = (await rig.ironwake('events', '--last', '10000', '--output', 'json')).trim().split('\n')
    const stored = lines.map((line) => JSON.parse(line) as RecordedEvent)
    const ended = stored.flatMap(({ event }) => (event.kind === 'attempt-ended' ? event.result : []))
    t.strictSame(
      ended.filter((result) => result !== 'abandoned'),
      ['written', 'local-disk'],
      'one boot wrote the disk, one started from it',
    )
  },
)
