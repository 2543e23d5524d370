import type { RecordedEvent } from '../events/event.ts'
import { sentence } from '../events/sentence.ts'

/** An event beside the time since the boot began, as `  12.3 s  snponly.efi sent by TFTP, …`. */
export function timelineLine(recorded: RecordedEvent, startedAt: number): string {
  const seconds = ((recorded.at - startedAt) / 1000).toFixed(1)
  return `${seconds.padStart(8)} s  ${sentence(recorded.event)}`
}

/** The steps of a boot worth a line on a terminal: modules of cloud-init are left to `events`. */
export function isMilestone(recorded: RecordedEvent): boolean {
  const { event } = recorded
  switch (event.kind) {
    case 'cloud-init-started':
    case 'installer-began':
      return false
    // subiquity/Install/install, and what lies below it.
    case 'installer-finished':
      return event.step.split('/').length <= 3 || event.result === 'FAIL'
    case 'cloud-init-finished':
      return !event.stage.includes('/') || event.result === 'FAIL'
    case 'packet-ignored':
      return false
    default:
      return true
  }
}
