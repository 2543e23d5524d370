import t, { type Test } from 'tap'
import type { Firmware } from '../../server/demo/boards.ts'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { kernelOn, mac, missingStep, patience, startRig, type Rig, type Step } from './rig.ts'
import { synced } from './sync-image.ts'

/** What is particular about a boot. */
export type RamBoot = {
  readonly name: string
  readonly firmware: Firmware
  /** The steps up to the script. */
  readonly begins: readonly Step[]
  readonly alsoNetwork?: string
  /** An image that a sync has brought, in place of one from a folder. */
  readonly image?: 'synced'
  /** Where kernel and initrd come by TFTP. */
  readonly kernelBy?: 'tftp'
  readonly machineWords?: readonly string[]
  /** Where boot programs are not this box's own. */
  readonly bootPrograms?: () => Promise<readonly string[]>
  readonly others?: (box: NetworkNamespace) => Promise<AsyncDisposable>
  /** What else is to be true when it has ended. */
  readonly also?: (t: Test, rig: Rig) => Promise<void>
}

/** From power-on with an empty disk to a system in memory that has reported: every step, in its order. */
export function ramBoot(boot: RamBoot): void {
  const { name, firmware, begins, also, kernelBy, bootPrograms, ...rest } = boot
  const isSynced = boot.image === 'synced'
  const served = isSynced ? `${synced.name}@${synced.version}` : 'debian'
  const entry = `{mac: "${mac}", hostname: node-1${isSynced ? `, image: ${synced.name}` : ''}}`
  void t.test(`${name}: a machine with an empty disk runs the image and reports`, async (t) => {
    await using rig = await startRig({
      ...rest,
      ...(bootPrograms === undefined ? {} : { bootPrograms: await bootPrograms() }),
      name: `ram-${name}`,
      firmware,
      disk: 'empty',
      settings: [`approve: ["${mac}"]`, kernelOn(firmware), `machines: [${entry}]`],
    })
    const kernelAfterMs = await rig.machine.waitForSerial('Linux version', patience)
    t.comment(`${name}: from power-on to the kernel ${(kernelAfterMs / 1_000).toFixed(1)} s`)
    const end = await rig.appliance.waitFor('attempt-ended', ({ result }) => result !== 'abandoned', patience)
    t.match(end.event, { result: 'installed' })

    const { machine, attempt, lease, diagnosis, timeline } = await rig.record()
    t.match(diagnosis, { verdict: 'all-is-well', outlook: 'well' }, 'the boot doctor agrees')
    const steps = timeline.filter((recorded) => recorded.attempt === attempt?.id)
    t.equal(
      missingStep(steps, [...begins, ...fromScript(kernelBy ?? 'http', served)]),
      undefined,
      'each step follows the one before',
    )
    const family = firmware === 'bios' ? 'bios' : 'uefi'
    t.match(machine, { state: 'installed', hostname: 'node-1', firmware: family, failures: 0 })
    t.match(attempt, { stage: 'cloud-init', result: 'installed', mac })
    t.match(lease, { state: 'leased', mac })
    t.notOk(
      timeline.some(
        ({ event }) =>
          (event.kind === 'request-refused' && event.expected !== true) || event.kind === 'report-refused',
      ),
      'nothing was refused on the way',
    )
    t.notOk(
      timeline.some(({ event }) => event.kind === 'cloud-init-finished' && event.result !== 'SUCCESS'),
      'no stage of cloud-init warned or failed',
    )
    t.match(await rig.machine.serialText(), /Ironwake: node-1 is up/, 'the system says so on its console')
    await also?.(t, rig)
  })
}

const fromScript = (kernelBy: 'http' | 'tftp', image: string): readonly Step[] => [
  { kind: 'machine-state-changed', from: 'discovered', to: 'approved' },
  { kind: 'script-served', script: 'run-image' },
  { kind: 'machine-state-changed', from: 'approved', to: 'installing' },
  ...(kernelBy === 'http'
    ? ([
        { kind: 'file-served', file: `${image}/vmlinuz`, complete: true },
        { kind: 'file-served', file: `${image}/initrd`, complete: true },
      ] as const)
    : ([
        { kind: 'program-sent', file: `images/${image}/vmlinuz` },
        { kind: 'program-sent', file: `images/${image}/initrd` },
      ] as const)),
  { kind: 'address-leased', to: 'the system node-1' },
  { kind: 'file-served', file: `${image}/squashfs`, complete: true },
  { kind: 'seed-served', file: 'meta-data' },
  { kind: 'seed-served', file: 'user-data' },
  { kind: 'seed-served', file: 'vendor-data' },
  { kind: 'cloud-init-finished', stage: 'init-network', result: 'SUCCESS' },
  { kind: 'cloud-init-finished', stage: 'modules-config', result: 'SUCCESS' },
  { kind: 'phoned-home', hostname: 'node-1' },
  { kind: 'cloud-init-finished', stage: 'modules-final', result: 'SUCCESS' },
  { kind: 'machine-state-changed', from: 'installing', to: 'installed' },
  { kind: 'attempt-ended', result: 'installed' },
]
