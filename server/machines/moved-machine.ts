import { failureCauseOf } from './failure-cause-of.ts'
import type { Trigger } from './lifecycle.ts'
import type { Attempt, AttemptStage, Machine, MachineState } from './machine.ts'
import { withoutRounds } from './seen-machine.ts'

// What becomes of a record when its machine moves along the table of its life, beside its state.

/** States in which failures before count no more. */
export const endedWell: ReadonlySet<MachineState> = new Set(['installed', 'active'])

/** How far a machine had come whose time is over, in words. */
export function progressOf({ state, stateBecause, join }: Machine, reached: Attempt | undefined): string {
  if (state === 'installing') return `the boot came as far as: ${reached?.stage ?? 'nothing'}`
  return `last came: ${state === 'joining' ? (join?.because ?? stateBecause) : stateBecause}`
}

/** What a trigger changes beside the state and what comes with each. */
export function afterTrigger(machine: Machine, trigger: Trigger, now: number): Machine {
  if (trigger === 'two-claim-it') return { ...machine, claimedTwiceAt: now }
  if (trigger === 'retry-asked') return retried(machine)
  // Its disk is the box's to write again: it holds what this box wrote there.
  if (trigger === 'released') return mayBeWritten(withoutJoin(withoutRelease(machine)))
  if (trigger === 'retired') return withoutDisk(withoutClaim(withoutJoin(withoutRelease(machine))))
  if (trigger === 'release-stopped') return withoutRelease(machine)
  if (trigger === 'reinstall-asked') return withoutRounds(withoutJoin(machine))
  return trigger === 'node-gone' ? withoutJoin(machine) : machine
}

/** What was taken out of use may have been in anybody's hands when it comes back. */
function withoutClaim(machine: Machine): Machine {
  if (machine.approval === undefined) return machine
  const { claim: _, claimedAt: __, ...approval } = machine.approval
  return { ...machine, approval }
}

function withoutRelease(machine: Machine): Machine {
  const { release: _, ...rest } = machine
  return rest
}

function withoutJoin(machine: Machine): Machine {
  const { join: _, ...rest } = machine
  return rest
}

/** What lies on the disk of a machine that comes back may be somebody's by then. */
function withoutDisk(machine: Machine): Machine {
  const { install: _, ...rest } = machine
  return rest
}

function mayBeWritten(machine: Machine): Machine {
  const { install } = machine
  return install === undefined ? machine : { ...machine, install: { ...install, phase: 'begun' } }
}

/** For another try the boots so far count for nothing, and a disk that was written may be written again. */
function retried(machine: Machine): Machine {
  const { install } = machine
  const fresh = withoutRounds(machine)
  return install?.phase === 'written' ? { ...fresh, install: { ...install, phase: 'begun' } } : fresh
}

/** A cause stays for as long as its machine is failed or quarantined by it. */
export function withFailure(
  machine: Machine,
  to: MachineState,
  trigger: Trigger,
  reached: AttemptStage | undefined,
): Machine {
  if (to === 'failed') return { ...machine, failure: failureCauseOf(trigger, machine, reached) }
  if (to === 'quarantined' || machine.failure === undefined) return machine
  const { failure: _, ...rest } = machine
  return rest
}

/** The first boot that ends well under an approval is the one it counts as done by. */
export function doneUnder({ approval, install }: Machine, now: number): Pick<Machine, 'approval'> {
  if (approval === undefined || approval.doneAt !== undefined) return {}
  // What has ended was begun under an approval before this one.
  if (install?.again === 'approved') return {}
  return { approval: { ...approval, doneAt: now } }
}
