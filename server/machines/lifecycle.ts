import type { MachineState } from './machine.ts'

/** What each state means, in the order of a life. */
export const stateMeanings: { readonly [state in MachineState]: string } = {
  discovered: 'It was seen, and waits for approval. It is shown its claim code, and boots its own disk.',
  approved: 'A person or a rule lets it have what the box gives, from its next boot from the network on.',
  installing: 'It was told to run its image, and has not reported that it is up.',
  installed:
    'It runs its image, and every stage of cloud-init has ended; or it boots its own disk, as it should.',
  failed: 'Its latest boot came to no good end. It tries again at its next boot.',
  quarantined: 'It failed too often in a row. It boots its own disk until a person has looked.',
}

/** What may move a machine from one state to another, and when that is. */
export const triggerMeanings = {
  approved: 'a person approves it, or it asks by a card that a rule approves',
  'approval-withdrawn': 'a person takes the approval back, or it asks and no rule approves it any more',
  'script-served': 'it was given the script that runs its image',
  'cloud-init-finished': 'cloud-init reports that its last stage is done',
  'cloud-init-failed': 'cloud-init reports that its last stage has failed',
  'install-failed': 'the system in memory that was to write its disk tells, or shows, that it did not',
  'boots-own-disk': 'it was sent to its own disk, as the method or a spent approval says',
  'boot-abandoned': 'it starts anew before its boot has come to an end',
  'time-limit-passed': 'the time limit of the state has passed',
  'failed-too-often': 'it has failed so often in a row',
  'retry-asked': 'a person lets it try again (`ironwake machines retry`)',
} as const

export type Trigger = keyof typeof triggerMeanings

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
  { from: 'installing', trigger: 'install-failed', to: 'failed' },
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
  // A system on a disk that took longer than its time, and is up after all.
  { from: 'failed', trigger: 'cloud-init-finished', to: 'installed' },
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
