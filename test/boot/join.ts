import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Firmware } from '../../server/demo/boards.ts'
import type { RecordedEvent } from '../../server/events/event.ts'
import type { AptRepository } from './apt-repository.ts'
import { imported, stockChangedImage } from './disk-image.ts'
import { kernelOn, mac, missingStep, patience, type Rig, type startRig, type Step } from './rig.ts'
import {
  blankDisk,
  digestOf,
  gib,
  inRoot,
  plugged,
  putInRoot,
  usedDisk,
  type TestDisk,
} from './test-disks.ts'

// The whole way of a machine that nobody has configured: it is switched on and shows its code, a person approves it for a cluster
// and a disk, and it ends as a Node that its cluster says is Ready; then it is let go.

/** Debian's containerd is of the line 2.1, which is the one for this version. */
export const version = '1.35.8'

export type Disks = { readonly root: TestDisk; readonly other: TestDisk; readonly before: string }

/** An empty disk, and one that is in use. */
export function disksOf(t: Test): Disks {
  const other = usedDisk(t, 'IW-OTHER', gib / 2)
  return { root: blankDisk(t, 'IW-ROOT', 3 * gib), other, before: digestOf(other) }
}

/** A machine with these disks, of which the settings say nothing; `more`: files of its image, by their paths. */
export function planOf(
  t: Test,
  firmware: Firmware,
  packages: AptRepository,
  { root, other }: Disks,
  others: NonNullable<Parameters<typeof startRig>[0]['others']>,
  more: Readonly<Record<string, string>> = {},
): Parameters<typeof startRig>[0] {
  const key = join(t.testdirName, 'packages.asc')
  writeFileSync(key, packages.key)
  return {
    name: `join-${firmware}`,
    firmware,
    disk: 'empty',
    stock: stockChangedImage((path) => {
      const image = { serial: 'image', path }
      for (const [to, text] of Object.entries(more)) putInRoot(image, to, text)
      // A site without internet has its own mirror in its image.
      putInRoot(image, '/etc/apt/keyrings/tests.asc', packages.key)
      putInRoot(
        image,
        '/etc/apt/sources.list',
        `deb [signed-by=/etc/apt/keyrings/tests.asc] ${packages.debian} /\n`,
      )
    }),
    settings: [
      'api: {listen: [10.78.0.1]}',
      `kubernetes: {packages: "${packages.kubernetes}", packages-key: ${JSON.stringify(key)}}`,
      kernelOn(firmware),
    ],
    others,
    memoryMiB: 2_560,
    // The kernel names them in this order, and the firmware looks for a system on the first.
    machineWords: plugged(firmware === 'bios' ? [root, other] : [other, root]),
  }
}

/** Somebody reads the code on the screen and approves it, and switches the machine on once more. */
export async function approved(t: Test, rig: Rig, wish: readonly string[]): Promise<void> {
  await rig.machine.waitForSerial(/Claim code: [A-Z0-9]{3}-[A-Z0-9]{3}/, patience)
  const [, code = ''] = /Claim code: ([A-Z0-9]{3}-[A-Z0-9]{3})/.exec(await rig.machine.serialText()) ?? []
  const disk = ['--method', 'disk', '--disk', 'serial=IW-ROOT', '--image', imported.name]
  await rig.ironwake('machines', 'approve', code, '--hostname', 'node-1', ...disk, ...wish)
  const plan = await rig.ironwake('machines', 'plan', mac)
  t.match(plan, /serial=IW-ROOT/, 'the plan names the disk')
  t.match(plan, new RegExp(wish[1] ?? ''), 'and the cluster')
  await rig.cycleMachine()
}

const image = `${imported.name}@${imported.version}`

const wayToActive = (order: string): readonly Step[] => [
  { kind: 'machine-discovered' },
  { kind: 'machine-state-changed', from: 'discovered', to: 'approved' },
  { kind: 'script-served', script: 'install-disk' },
  { kind: 'machine-state-changed', from: 'approved', to: 'installing' },
  { kind: 'file-served', file: 'debian/squashfs', complete: true },
  { kind: 'seed-served', file: 'vendor-data' },
  { kind: 'inventory-taken' },
  { kind: 'disk-chosen', image },
  { kind: 'machine-enrolled' },
  { kind: 'file-served', file: `${image}/disk.raw.zst`, complete: true },
  { kind: 'disk-written', image },
  { kind: 'attempt-ended', result: 'written' },
  { kind: 'script-served', script: 'boot-local' },
  { kind: 'cloud-init-finished', stage: 'init-network', result: 'SUCCESS' },
  { kind: 'cloud-init-finished', stage: 'modules-final', result: 'SUCCESS' },
  { kind: 'machine-state-changed', from: 'installing', to: 'installed' },
  { kind: 'join-ordered', order },
  // A worker's Node may be Ready before kubeadm has ended there; then nothing is left to be told.
  ...(order === 'init' ? [{ kind: 'join-done' } as const] : []),
  { kind: 'machine-state-changed', from: 'joining', to: 'active' },
  { kind: 'node-ready' },
]

export async function becomesActive(t: Test, rig: Rig, order: string): Promise<void> {
  await rig.appliance.waitFor('node-ready', () => true, patience)
  const { machine, diagnosis } = await rig.record()
  t.match(machine, {
    state: 'active',
    failures: 0,
    install: { phase: 'installed', image, disk: { serial: 'IW-ROOT', bytes: 3 * gib } },
  })
  t.equal(diagnosis.verdict, 'own-disk', diagnosis.because)
  t.match(await rig.machine.serialText(), /Ironwake: node-1 is up/, 'the system says so on its console')
  const notes = rig.happened.flatMap(({ event }) => (event.kind === 'disk-note' ? event.note : []))
  t.ok(
    notes.some((note) => /^the partition vd[ab]1 has 30[0-9]{2} MiB now$/.test(note)),
    notes.join('; '),
  )
  t.notOk(
    rig.happened.some(({ event }) => event.kind === 'request-refused' && event.expected !== true),
    'nothing was refused on the way',
  )
  t.equal(missingStep(rig.happened, wayToActive(order)), undefined, 'each step follows the one before')
  for (const line of phases(rig)) t.comment(line)
  const secrets = /BEGIN (?:EC |RSA )?PRIVATE KEY|iwm_[A-Za-z0-9_-]{20}|\b[a-z0-9]{6}\.[a-z0-9]{16}\b/
  t.notMatch(await rig.machine.serialText(), secrets, 'no secret stood on its console')
  t.notMatch(JSON.stringify(rig.happened), secrets, 'nor in an event')
}

/** What each part of the way took, and its share. */
function phases(rig: Rig): readonly string[] {
  const from = performance.timeOrigin + rig.machine.poweredOnAt
  const at = (kind: string, fits: (event: RecordedEvent['event']) => boolean = () => true): number =>
    rig.happened.find((one) => one.at >= from && one.event.kind === kind && fits(one.event))?.at ?? NaN
  const marks: readonly (readonly [string, number])[] = [
    ['firmware and iPXE, to the script', at('script-served')],
    ['kernel, system in memory, enrolment', at('disk-chosen')],
    ['image written to the disk', at('disk-written')],
    [
      'restart, to the end of cloud-init, with containerd and the kubelet',
      at('machine-state-changed', (event) => 'to' in event && event.to === 'installed'),
    ],
    ['until it asks for its order', at('join-ordered')],
    ['kubeadm', at('join-done')],
    [
      'until its Node is Ready, and it is active',
      at('machine-state-changed', (event) => 'to' in event && event.to === 'active'),
    ],
  ]
  const passed = marks.filter(([, end]) => !Number.isNaN(end))
  const all = (passed.at(-1)?.[1] ?? NaN) - from
  const lines = passed.map(([name, end], index) => {
    const took = end - (passed[index - 1]?.[1] ?? from)
    return `${(took / 1_000).toFixed(1).padStart(6)} s ${((100 * took) / all).toFixed(0).padStart(3)} %  ${name}`
  })
  return [...lines, `${(all / 1_000).toFixed(1).padStart(6)} s from power-on to active`]
}

/** It is released: nothing of the cluster is left on its disk, and the other disk is as it was. `isOnly`: its cluster ends with it. */
export async function letGo(
  t: Test,
  rig: Rig,
  { root, other, before }: Disks,
  { words = [], isOnly = false }: { readonly words?: readonly string[]; readonly isOnly?: boolean } = {},
): Promise<void> {
  await rig.ironwake('machines', 'release', mac, ...words)
  await rig.appliance.waitFor('machine-released', () => true, patience)
  const steps = [
    { kind: 'machine-state-changed', from: 'active', to: 'releasing' },
    ...(isOnly ? [] : [{ kind: 'node-deleted' } as const]),
    { kind: 'node-left' },
    { kind: 'machine-released' },
  ] as const
  t.equal(missingStep(rig.happened, steps), undefined, 'it leaves step by step')
  t.match((await rig.record()).machine, { state: 'approved' })
  await rig.machine.pullPlug()
  for (const path of ['kubelet.conf', 'pki/ca.crt', 'pki/ca.key']) {
    t.notMatch(inRoot(root, `stat /etc/kubernetes/${path}`), /Inode:/, `${path} is gone`)
  }
  t.equal(digestOf(other), before, 'the other disk is as it was')
  t.match(execFileSync('sgdisk', ['--verify', root.path], { encoding: 'utf8' }), /No problems found/)
  for (const path of ['/var/lib/cloud/seed/nocloud', '/etc/ironwake/machine']) {
    t.match(inRoot(root, `stat ${path}`), /Mode: +0700/, `${path} is for root alone`)
  }
  t.match(inRoot(root, 'stat /var/lib/cloud/seed/nocloud/user-data'), /Mode: +0600/)
  t.match(inRoot(root, 'stat /etc/ironwake/machine/authorization'), /Mode: +0600/)
  const stats = inRoot(root, 'stats')
  const number = (label: string): number => Number(new RegExp(`^${label}: +([0-9]+)$`, 'm').exec(stats)?.[1])
  const bytes = number('Block count') * number('Block size')
  t.ok(bytes > 2.9 * gib, `its file system fills the disk: ${bytes} bytes`)
}
