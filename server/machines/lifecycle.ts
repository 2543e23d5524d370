import type { MachineState } from './machine.ts'

/** What may move a machine from one state to another. */
export type Trigger =
  | 'approved'
  | 'approval-withdrawn'
  | 'script-served'
  | 'cloud-init-finished'
  | 'cloud-init-failed'
  | 'boots-own-disk'
  | 'boot-abandoned'
  | 'time-limit-passed'
  | 'failed-too-often'
  | 'retry-asked'

type Transition = { readonly from: MachineState; readonly trigger: Trigger; readonly to: MachineState }

/** The specification of a machine's life: what is not in this table does not happen. */
export const transitions: readonly Transition[] = [
  { from: 'discovered', trigger: 'approved', to: 'approved' },
  { from: 'approved', trigger: 'approval-withdrawn', to: 'discovered' },
  { from: 'approved', trigger: 'script-served', to: 'installing' },
  { from: 'approved', trigger: 'boots-own-disk', to: 'installed' },
  { from: 'installing', trigger: 'script-served', to: 'installing' },
  { from: 'installing', trigger: 'cloud-init-finished', to: 'installed' },
  { from: 'installing', trigger: 'cloud-init-failed', to: 'failed' },
  // A machine that starts anew in the middle, again and again, would else never count as failed.
  { from: 'installing', trigger: 'boot-abandoned', to: 'failed' },
  { from: 'installing', trigger: 'time-limit-passed', to: 'failed' },
  { from: 'installing', trigger: 'boots-own-disk', to: 'installed' },
  { from: 'installed', trigger: 'script-served', to: 'installing' },
  { from: 'installed', trigger: 'boots-own-disk', to: 'installed' },
  { from: 'installed', trigger: 'approval-withdrawn', to: 'discovered' },
  { from: 'failed', trigger: 'script-served', to: 'installing' },
  { from: 'failed', trigger: 'boots-own-disk', to: 'installed' },
  { from: 'failed', trigger: 'approval-withdrawn', to: 'discovered' },
  { from: 'failed', trigger: 'failed-too-often', to: 'quarantined' },
  { from: 'failed', trigger: 'retry-asked', to: 'approved' },
  { from: 'quarantined', trigger: 'retry-asked', to: 'approved' },
]

/** A machine that fails this many times in a row waits for a person. */
export const failuresBeforeQuarantine = 3

/** How long a state may last before its machine is called failed, in milliseconds; states without a limit may last. */
export const timeLimitMs: { readonly [state in MachineState]?: number } = { installing: 30 * 60 * 1000 }

/** The state after `trigger`, or why there is none. */
export function transition(
  from: MachineState,
  trigger: Trigger,
):
  | { readonly kind: 'moved'; readonly to: MachineState }
  | { readonly kind: 'refused'; readonly because: string } {
  const found = transitions.find((entry) => entry.from === from && entry.trigger === trigger)
  if (found === undefined)
    return { kind: 'refused', because: `${trigger} does nothing to a machine that is ${from}` }
  return { kind: 'moved', to: found.to }
}
