import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import type { ApplianceEvent, EventKind } from '../../server/events/event.ts'
import type { InstallPhase } from '../../server/machines/disk-install.ts'
import { imported } from './disk-image.ts'
import { kernelOn, mac, patience, type Rig } from './rig.ts'
import { inRoot, type TestDisk } from './test-disks.ts'

// The places of an install at which power goes away, and what is to be true after it has come back. They are told apart by
// what the machine writes on its console, by events, and by how much of the disk's file is filled.

export type InstallPlace = {
  readonly name: string
  readonly reached: (rig: Rig, disk: TestDisk) => Promise<unknown>
  /** How far the install is there, as the box knows. */
  readonly phase?: InstallPhase
  /** Of the disk, whose first MiB is written last; left out, it is empty. */
  readonly head?: 'written'
}

const mib = 1024 ** 2
const image = `${imported.name}@${imported.version}`

/** An event since the machine was switched on, or since the box was started: it may have come before this call. */
export async function hear<Kind extends EventKind>(
  { appliance, past }: Rig,
  kind: Kind,
  fits: (event: Extract<ApplianceEvent, { kind: Kind }>) => boolean = () => true,
): Promise<void> {
  await appliance.waitFor(kind, (event, recorded) => !past.has(recorded) && fits(event), patience)
}

export function onConsole(text: string | RegExp): InstallPlace['reached'] {
  return async ({ machine }) => await machine.waitForSerial(text, patience)
}

/** So much of the disk is written; what an earlier boot has written counts as well. */
export function written(bytes: number): InstallPlace['reached'] {
  return async (_, { path }) => {
    while (statSync(path).blocks * 512 < bytes) await pause(20)
  }
}

/** In the order in which a boot passes them. */
export const installPlaces: readonly InstallPlace[] = [
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

export const installSettings = [
  `approve: ["${mac}"]`,
  kernelOn('bios'),
  `machines: [{mac: "${mac}", hostname: node-1, method: disk, image: ${imported.name}, ephemeral: debian, disk: serial=IW-ROOT}]`,
]

/** The first MiB of a disk. */
export function headOf({ path }: TestDisk): Buffer {
  const head = Buffer.alloc(mib)
  const file = openSync(path, 'r')
  readSync(file, head, 0, mib, 0)
  closeSync(file)
  return head
}

/** The machine ends with its system on its disk. */
export async function endsInstalled(t: Test, rig: Rig, disk: TestDisk): Promise<void> {
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
