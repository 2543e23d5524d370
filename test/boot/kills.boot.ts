import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ApplianceEvent, EventKind } from '../../server/events/event.ts'
import type { InstallPhase } from '../../server/machines/disk-install.ts'
import { imported, stockDiskImage } from './disk-image.ts'
import { quickSystem } from './quick-system.ts'
import { kernelOn, mac, patience, startRig, type Rig } from './rig.ts'
import { blankDisk, gib, inRoot, plugged, type TestDisk } from './test-disks.ts'

// The power of the machine, and that of the box, go away at each place of an install; both come back, and the machine ends
// with its system on its disk. How the places are told apart: by what the machine writes on its console, by events, and by
// how much of the disk's file is filled.

type Place = {
  readonly name: string
  readonly reached: (rig: Rig, disk: TestDisk) => Promise<unknown>
  /** How far the install is there, as the box knows. */
  readonly phase?: InstallPhase
  /** Of the disk, whose first MiB is written last; left out, it is empty. */
  readonly head?: 'written'
}

const mib = 1024 ** 2
const image = `${imported.name}@${imported.version}`

/** An event that comes after this call. */
async function hear<Kind extends EventKind>(
  { appliance }: Rig,
  kind: Kind,
  fits: (event: Extract<ApplianceEvent, { kind: Kind }>) => boolean = () => true,
): Promise<void> {
  const past = new Set(appliance.happened)
  await appliance.waitFor(kind, (event, recorded) => !past.has(recorded) && fits(event), patience)
}

function onConsole(text: string | RegExp): Place['reached'] {
  return async ({ machine }) => await machine.waitForSerial(text, patience)
}

/** So much of the disk is written; what an earlier boot has written counts as well. */
function written(bytes: number): Place['reached'] {
  return async (_, { path }) => {
    while (statSync(path).blocks * 512 < bytes) await pause(20)
  }
}

/** In the order in which a boot passes them. */
const places: readonly Place[] = [
  { name: 'in the firmware', reached: onConsole('SeaBIOS') },
  { name: 'when iPXE asks for an address', reached: async (rig) => await hear(rig, 'firmware-asked') },
  { name: 'while iPXE fetches the kernel', reached: onConsole('/images/debian/vmlinuz'), phase: 'begun' },
  { name: 'while the initrd fetches the squashfs', reached: onConsole('Fetching http'), phase: 'begun' },
  { name: 'before the box names a disk', reached: onConsole('write-disk: asking'), phase: 'begun' },
  {
    name: 'when a disk has just been named',
    reached: async (rig) => await hear(rig, 'disk-chosen'),
    phase: 'writing',
  },
  { name: 'with 40 MiB on the disk', reached: written(40 * mib), phase: 'writing' },
  { name: 'with 150 MiB on the disk', reached: written(150 * mib), phase: 'writing' },
  { name: 'with 280 MiB on the disk', reached: written(280 * mib), phase: 'writing' },
  {
    name: 'with the whole image on the disk',
    reached: async (rig) => await hear(rig, 'disk-note', ({ note }) => note.includes(' were written in ')),
    phase: 'writing',
    head: 'written',
  },
  {
    name: 'with the seed on the disk',
    reached: async (rig) => await hear(rig, 'seed-served', ({ file }) => file === 'network-config'),
    phase: 'writing',
    head: 'written',
  },
  {
    name: 'when the box has heard that the disk is written',
    reached: async (rig) => await hear(rig, 'disk-written'),
    phase: 'written',
    head: 'written',
  },
]

const settings = [
  `approve: ["${mac}"]`,
  kernelOn('bios'),
  `machines: [{mac: "${mac}", hostname: node-1, method: disk, image: ${imported.name}, ephemeral: debian, disk: serial=IW-ROOT}]`,
]

/** Absent, the box has not heard of the machine. */
async function recordOf(rig: Rig) {
  if (!rig.appliance.happened.some(({ event }) => event.kind === 'machine-discovered')) return undefined
  return await rig.record()
}

function headOf({ path }: TestDisk): Buffer {
  const head = Buffer.alloc(mib)
  const file = openSync(path, 'r')
  readSync(file, head, 0, mib, 0)
  closeSync(file)
  return head
}

async function isInstalled(t: Test, rig: Rig, disk: TestDisk): Promise<void> {
  await rig.appliance.waitFor('machine-state-changed', ({ to }) => to === 'installed', patience)
  t.match(await rig.machine.serialText(), /Ironwake: node-1 is up/, 'the system says so on its console')
  const { machine, diagnosis } = await rig.record()
  t.match(machine, {
    state: 'installed',
    failures: 0,
    install: { phase: 'installed', image, disk: { serial: 'IW-ROOT' } },
  })
  t.equal(diagnosis.verdict, 'own-disk', diagnosis.because)
  await rig.machine.pullPlug()
  t.match(execFileSync('sgdisk', ['--verify', disk.path], { encoding: 'utf8' }), /No problems found/)
  t.match(inRoot(disk, 'stat /var/lib/cloud/seed/nocloud/user-data'), /Mode: +0600/)
}

void t.test(
  'a machine whose power goes away at any place of its install goes on when it comes back',
  async (t) => {
    t.testdir()
    const disk = blankDisk(t, 'IW-ROOT', 2 * gib)
    await using rig = await startRig({
      name: 'kills-machine',
      firmware: 'bios',
      disk: 'empty',
      imageFolder: await quickSystem(),
      stock: stockDiskImage,
      settings,
      machineWords: plugged([disk]),
    })
    const began = performance.now()
    for (const place of places) {
      await place.reached(rig, disk)
      await rig.machine.pullPlug()
      const { machine } = (await recordOf(rig)) ?? {}
      t.comment(
        `${place.name}: the power goes away, ${((performance.now() - began) / 1_000).toFixed(1)} s after the start`,
      )
      t.equal(machine?.install?.phase, place.phase, `${place.name}: that is how far it is`)
      const head = headOf(disk).some((byte) => byte !== 0) ? 'written' : 'empty'
      t.equal(head, place.head ?? 'empty', `${place.name}: a disk that is not whole has no head`)
      await rig.cycleMachine()
      if (machine?.state === 'installing' && machine.failures === 2 && machine.install?.phase !== 'written') {
        // The third in a row; a person says that it was the power.
        await rig.appliance.waitFor('machine-state-changed', ({ to }) => to === 'quarantined', patience)
        await rig.ironwake('machines', 'retry', mac)
        await rig.cycleMachine()
      }
    }
    await isInstalled(t, rig, disk)
    t.comment(`installed after ${((performance.now() - began) / 1_000).toFixed(1)} s`)
  },
)
