import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Firmware } from '../../server/demo/boards.ts'
import type { RecordedEvent } from '../../server/events/event.ts'
import type { AptRepository } from './apt-repository.ts'
import { imported, stockChangedImage } from './disk-image.ts'
import { kernelOn, mac, missingStep, patience, type Rig, type startRig, type Step } from './rig.ts'
import { inRoot, plugged, putInRoot, type TestDisk } from './test-disks.ts'

// The whole way of a machine that nobody has configured: it is switched on and shows its code, a person approves it for a cluster
// and a disk, and it ends as a Node that its cluster says is Ready; then it is let go.

/** Debian's containerd is of the line 2.1, which is the one for this version. */
export const version = '1.35.8'

/** A machine with an empty disk, of which the settings say nothing; `more`: files of its image, by their paths. */
export function planOf(
  t: Test,
  firmware: Firmware,
  packages: AptRepository,
  disk: TestDisk,
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
    machineWords: plugged([disk]),
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

const wayToActive = (order: string): readonly Step[] => [
  { kind: 'machine-discovered' },
  { kind: 'machine-state-changed', from: 'discovered', to: 'approved' },
  { kind: 'script-served', script: 'install-disk' },
  { kind: 'disk-chosen' },
  { kind: 'machine-enrolled' },
  { kind: 'disk-written' },
  { kind: 'script-served', script: 'boot-local' },
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
  const { machine } = await rig.record()
  t.match(machine, { state: 'active', failures: 0 })
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

/** It is released: nothing of the cluster is left on its disk. */
export async function letGo(t: Test, rig: Rig, disk: TestDisk, words: readonly string[]): Promise<void> {
  await rig.ironwake('machines', 'release', mac, ...words)
  await rig.appliance.waitFor('machine-released', () => true, patience)
  const steps = [
    { kind: 'machine-state-changed', from: 'active', to: 'releasing' },
    { kind: 'node-deleted' },
    { kind: 'node-left' },
    { kind: 'machine-released' },
  ] as const
  t.equal(missingStep(rig.happened, steps), undefined, 'it leaves step by step')
  t.match((await rig.record()).machine, { state: 'approved' })
  await rig.machine.pullPlug()
  for (const path of [
    '/etc/kubernetes/kubelet.conf',
    '/etc/kubernetes/pki/ca.crt',
    '/etc/kubernetes/pki/ca.key',
  ]) {
    t.notMatch(inRoot(disk, `stat ${path}`), /Inode:/, `${path} is gone`)
  }
}
