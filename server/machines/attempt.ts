import { attemptStages, type Attempt, type AttemptStage } from './machine.ts'

/** After this long without a sign the next packet of a machine belongs to a new attempt. */
export const attemptIdleMs = 15 * 60 * 1000

export type Following =
  | { readonly kind: 'same'; readonly attempt: Attempt }
  /** A boot begins; `replaces` was still open and ends by it. */
  | { readonly kind: 'begins'; readonly replaces: Attempt | undefined }
  /** A sign that belongs to no boot, as the DHCP of a system that started from its own disk. */
  | { readonly kind: 'none' }

/**
 * Which attempt a sign of a machine belongs to. Firmware that asks again after its machine had come further has been
 * started anew; a sign of a later stage only ever continues what is open.
 */
export function follow(current: Attempt | undefined, stage: AttemptStage, now: number): Following {
  const open = current !== undefined && current.endedAt === undefined ? current : undefined
  if (open !== undefined && now - open.lastSeenAt <= attemptIdleMs && continues(open.stage, stage)) {
    return { kind: 'same', attempt: advanced(open, stage, now) }
  }
  return startsBoot(stage) ? { kind: 'begins', replaces: open } : { kind: 'none' }
}

export function advanced(attempt: Attempt, stage: AttemptStage, now: number): Attempt {
  return { ...attempt, stage: later(attempt.stage, stage), lastSeenAt: now }
}

/** Whether a boot is under way whose machine has left its firmware and its script behind. */
export function isRunning(attempt: Attempt | undefined, now: number): boolean {
  if (attempt === undefined || attempt.endedAt !== undefined) return false
  return now - attempt.lastSeenAt <= attemptIdleMs && !startsBoot(attempt.stage)
}

function continues(reached: AttemptStage, seen: AttemptStage): boolean {
  switch (seen) {
    case 'firmware':
      return reached === 'firmware'
    case 'ipxe':
      // An iPXE in the ROM of a card begins here, as firmware does; it asks for no address after its script.
      return rank(reached) <= rank('ipxe')
    case 'script':
      return rank(reached) <= rank('kernel')
    case 'kernel':
    case 'system':
    case 'cloud-init':
    case 'ended':
      return true
  }
}

/** Whether a sign of this stage can be the first of a boot. */
export function startsBoot(stage: AttemptStage): boolean {
  return rank(stage) <= rank('script')
}

function later(one: AttemptStage, other: AttemptStage): AttemptStage {
  return rank(one) >= rank(other) ? one : other
}

function rank(stage: AttemptStage): number {
  return attemptStages.indexOf(stage)
}
