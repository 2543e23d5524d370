import t from 'tap'
import { diskBootedText } from '../../server/demo/bootable-disk.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { mac, missingStep, patience, startRig } from './rig.ts'

for (const firmware of ['bios', 'uefi'] as const) {
  void t.test(
    `${firmware}: a machine that is not approved is told so, and reaches its own disk`,
    async (t) => {
      await using rig = await startRig({
        name: `waits-${firmware}`,
        firmware,
        disk: 'bootable',
        settings: ['approve: []'],
      })
      await rig.machine.waitForSerial('waits for approval', patience)
      await rig.machine.waitForSerial(diskBootedText, patience)
      const screen = await rig.machine.serialText()
      t.match(screen, /MAC address: 52:54:00:b0:07:01/)
      t.match(screen, /Why: it is not approved/)
      t.match(screen, /Next: On the box: ironwake machines approve [A-Z]{3}-[A-Z]{3}/)

      // UEFI tries its other network entries before the disk, so there may be more than one attempt.
      const timeline = rig.appliance.happened
      const { machine, diagnosis } = await rig.record()
      t.equal(machine.state, 'discovered')
      t.match(diagnosis, { verdict: 'not-approved', because: /it is not approved/ })
      const steps = [
        { kind: 'machine-discovered' },
        { kind: 'script-served', script: 'wait' },
        { kind: 'attempt-ended', result: 'local-disk' },
      ] as const
      t.equal(missingStep(timeline, steps), undefined)
      t.notOk(
        timeline.some(({ event }) => isOfImage(event)),
        'neither kernel nor image nor seed was given to it',
      )
    },
  )

  void t.test(`${firmware}: a machine with an installed disk reaches its disk`, async (t) => {
    const settings = [`approve: ["${mac}"]`, 'defaults: {method: local}']
    await using rig = await startRig({ name: `local-${firmware}`, firmware, disk: 'bootable', settings })
    await rig.machine.waitForSerial(diskBootedText, patience)
    // UEFI tries its other network entries before the disk, so there may be more than one attempt.
    const timeline = rig.appliance.happened
    const { machine, diagnosis } = await rig.record()
    t.equal(machine.state, 'installed')
    t.equal(diagnosis.verdict, 'own-disk', diagnosis.because)
    const steps = [
      { kind: 'machine-state-changed', to: 'approved' },
      { kind: 'script-served', script: 'boot-local' },
      { kind: 'machine-state-changed', from: 'approved', to: 'installed' },
      { kind: 'attempt-ended', result: 'local-disk' },
    ] as const
    t.equal(missingStep(timeline, steps), undefined)
    t.notOk(
      timeline.some(({ event }) => isOfImage(event)),
      'nothing but the script was given to it',
    )
  })
}

void t.test('bios: a machine that begins with the network reaches its disk by every boot', async (t) => {
  const boots = 4
  await using rig = await startRig({
    name: 'local-again-bios',
    firmware: 'bios',
    disk: 'bootable',
    settings: [`approve: ["${mac}"]`, 'defaults: {method: local}'],
  })
  for (let boot = 1; boot <= boots; boot++) {
    if (boot > 1) rig.machine.reset()
    await rig.machine.waitForSerial(new RegExp(`(?:${diskBootedText}[^]*){${boot}}`), patience)
  }
  const scripts = rig.appliance.happened.flatMap(({ event }) =>
    event.kind === 'script-served' ? event.script : [],
  )
  t.strictSame(scripts, Array<string>(boots).fill('boot-local'))
  const { machine, diagnosis } = await rig.record()
  t.match(machine, { state: 'installed', failures: 0, rounds: { count: boots } })
  t.equal(diagnosis.verdict, 'own-disk', diagnosis.because)
})

function isOfImage(event: ApplianceEvent): boolean {
  return event.kind === 'seed-served' || (event.kind === 'file-served' && event.file.startsWith('debian/'))
}
