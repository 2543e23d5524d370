import t, { type Test } from 'tap'
import type { Firmware } from '../../server/demo/boards.ts'
import { kernelOn, mac, missingStep, patience, startRig, type Rig, type Step } from './rig.ts'

/** From power-on to the kernel and no further: what is particular about the boot lies before it. */
export function kernelBoot(boot: {
  readonly name: string
  readonly firmware: Firmware
  /** The steps up to the script. */
  readonly begins: readonly Step[]
  readonly bootPrograms: () => Promise<readonly string[]>
  readonly alsoNetwork?: string
  readonly machineWords?: readonly string[]
  readonly also?: (t: Test, rig: Rig) => Promise<void>
}): void {
  const { name, firmware, begins, bootPrograms, also, ...rest } = boot
  void t.test(`${name}: a machine gets as far as its kernel`, async (t) => {
    await using rig = await startRig({
      ...rest,
      name: `kernel-${name}`,
      firmware,
      bootPrograms: await bootPrograms(),
      disk: 'empty',
      settings: [`approve: ["${mac}"]`, kernelOn(firmware)],
    })
    const afterMs = await rig.machine.waitForSerial('Linux version', patience)
    t.comment(`${name}: from power-on to the kernel ${(afterMs / 1_000).toFixed(1)} s`)
    // That it came whole is told by another process than the one that serves scripts.
    await rig.appliance.waitFor(
      'file-served',
      ({ file, complete }) => file === 'debian/initrd' && complete,
      patience,
    )
    const steps: readonly Step[] = [
      ...begins,
      { kind: 'script-served', script: 'run-image' },
      { kind: 'file-served', file: 'debian/vmlinuz', complete: true },
      { kind: 'file-served', file: 'debian/initrd', complete: true },
    ]
    t.equal(missingStep(rig.appliance.happened, steps), undefined, 'each step follows the one before')
    await also?.(t, rig)
  })
}
