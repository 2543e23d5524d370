import type { Report } from '../cloud-init/parse-report.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { DiskInstall } from '../machines/disk-install.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import { joined, type RosterChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import { failInstall } from './install-desk.ts'

type ReportParts = { readonly roster: Roster; readonly now: () => number }

/** Who reports under a nonce: a system in memory by that of its boot, one on a disk by that of its install. */
export function reporterOf(roster: Roster, id: string): Reporter | undefined {
  const booted = roster.byAttempt(id)
  if (booted !== undefined) return { from: 'memory', ...booted }
  const installed = roster.byInstall(id)
  return installed === undefined ? undefined : { from: 'disk', ...installed }
}

export type Reporter =
  | { readonly from: 'memory'; readonly machine: Machine; readonly attempt: Attempt }
  | { readonly from: 'disk'; readonly machine: Machine; readonly install: DiskInstall }

/** The boot in whose timeline it belongs. */
export function bootOf(reporter: Reporter): string {
  return reporter.from === 'disk' ? reporter.install.attempt : reporter.attempt.id
}

/** The last stage of cloud-init; its end is the end of the boot (cloud-init, `main.py`, modules:final). */
const lastStage = 'modules-final'

export function afterReport(
  parts: ReportParts,
  found: { readonly machine: Machine; readonly attempt: Attempt },
  report: Report,
): RosterChange {
  const { roster, now } = parts
  const { machine, attempt } = found
  if (isInstaller(machine, attempt) && report.origin === installerOrigin) {
    return afterReportOfInstaller(parts, found, report)
  }
  const common = {
    ...aboutMachine(machine),
    attempt: attempt.id,
    stage: report.name,
    description: report.description,
  }
  const advanced = roster.advance(attempt.id, 'cloud-init', now())
  if (report.kind !== 'finish') {
    return { ...advanced, happened: [{ kind: 'cloud-init-started', ...common }] }
  }
  const told: RosterChange = {
    ...advanced,
    happened: [{ kind: 'cloud-init-finished', ...common, result: report.result }],
  }
  if (report.name !== lastStage || attempt.endedAt !== undefined) return told
  // The installer begins where cloud-init ends.
  if (isInstaller(machine, attempt)) return told
  if (machine.install?.attempt === attempt.id) {
    const because = 'cloud-init has finished, and the disk is not written'
    return joined(told, failInstall(roster, found, { cause: 'stopped-early', because, now: now() }))
  }
  const failed = report.result === 'FAIL'
  const because = failed ? `cloud-init failed: ${report.description}` : 'cloud-init has finished'
  return joined(
    told,
    roster.move(machine.id, failed ? 'cloud-init-failed' : 'cloud-init-finished', because, now()),
    roster.end(attempt.id, failed ? 'failed' : 'installed', because, now()),
  )
}

/** Subiquity reports by the library of curtin (`ReportingController`), and names it as where its reports come from. */
const installerOrigin = 'curtin'

function isInstaller({ install }: Machine, { id }: Attempt): boolean {
  return install?.attempt === id && install.by === 'installer'
}

/** Each step begins the time limit anew: an installer that still reports is at work. */
function afterReportOfInstaller(
  { roster, now }: ReportParts,
  { machine, attempt }: { readonly machine: Machine; readonly attempt: Attempt },
  report: Report,
): RosterChange {
  const change = joined(roster.advance(attempt.id, 'cloud-init', now()), roster.fetching(attempt.id, now()))
  const { name: step, description } = report
  const common = { ...aboutMachine(machine), attempt: attempt.id, step, description }
  switch (report.kind) {
    case 'start':
      return { ...change, happened: [{ kind: 'installer-began', ...common }] }
    case 'finish':
      return { ...change, happened: [{ kind: 'installer-finished', ...common, result: report.result }] }
    case 'note':
      return { ...change, happened: [{ kind: 'installer-said', ...common, level: report.eventType }] }
  }
}

/** The system on the disk reports: what it says belongs to the boot that wrote it. */
export function afterReportOfDisk(
  { roster, now }: ReportParts,
  { machine, install }: { readonly machine: Machine; readonly install: DiskInstall },
  report: Report,
): RosterChange {
  const common = {
    ...aboutMachine(machine),
    attempt: install.attempt,
    stage: report.name,
    description: report.description,
  }
  const heard = roster.heardOf(machine.id, now())
  if (report.kind !== 'finish') {
    return { ...heard, happened: [{ kind: 'cloud-init-started', ...common }] }
  }
  const told: RosterChange = {
    ...heard,
    happened: [{ kind: 'cloud-init-finished', ...common, result: report.result }],
  }
  if (report.name !== lastStage || install.phase !== 'written') return told
  if (report.result === 'FAIL') {
    const because = `cloud-init failed on its disk: ${report.description}`
    return joined(told, roster.move(machine.id, 'cloud-init-failed', because, now()))
  }
  return joined(
    told,
    roster.finishesInstall(machine.id, now()),
    roster.move(machine.id, 'cloud-init-finished', 'cloud-init has finished on its disk', now()),
  )
}
