import type { MachineState } from './machine.ts'

/** What each state means, in the order of a life. */
export const stateMeanings: { readonly [state in MachineState]: string } = {
  discovered: 'It was seen, and waits for approval. It is shown its claim code, and boots its own disk.',
  approved: 'A person or a rule lets it have what the box gives, from its next boot from the network on.',
  installing: 'It was told to run its image, and has not reported that it is up.',
  installed:
    'It runs its image, and every stage of cloud-init has ended; or it boots its own disk, as it should.',
  joining:
    'Its system asks to become a node of its cluster, and its Node is not Ready yet. From the network it boots its own disk.',
  active:
    'It is a node of its cluster: the Kubernetes API has said that its Node is Ready. From the network it boots its own disk.',
  failed:
    'Its latest boot, or its way into its cluster, came to no good end. It tries again at its next boot, or when its system asks again.',
  quarantined:
    'It failed too often in a row, or two systems claim to be it. It boots its own disk until a person has looked.',
  releasing:
    'A person lets it go: its pods are moved away, its system leaves the cluster, and its Node is deleted.',
  retired: 'A person took it out of use. It boots its own disk, whatever a rule says, and is given nothing.',
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
  'two-claim-it': 'two systems claim to be this machine (docs/enrolment.md)',
  'retry-asked': 'a person lets it try again (`ironwake machines retry`)',
  'join-asked': 'its system asks to become a node of its cluster',
  'join-failed': 'its system says that kubeadm did not come to a good end',
  'node-ready': 'the API of its cluster says that its Node is Ready',
  'node-gone': 'its Node was deleted, and not by a release',
  'reinstall-asked': 'a person wants its disk written anew (`ironwake machines reinstall`)',
  'release-asked': 'a person lets it go (`ironwake machines release`)',
  'release-stopped': 'its pods cannot be moved away in time; its Node takes new ones again',
  released: 'its Node is deleted, and nothing of the cluster is left to it',
  retired: 'it is released for good (`ironwake machines release --retire`)',
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
  { from: 'installed', trigger: 'join-asked', to: 'joining' },
  { from: 'joining', trigger: 'join-asked', to: 'joining' },
  { from: 'failed', trigger: 'join-asked', to: 'joining' },
  // After another try was asked for, by a system that is up already.
  { from: 'approved', trigger: 'join-asked', to: 'joining' },
  { from: 'joining', trigger: 'join-failed', to: 'failed' },
  { from: 'joining', trigger: 'time-limit-passed', to: 'failed' },
  { from: 'joining', trigger: 'boots-own-disk', to: 'joining' },
  { from: 'joining', trigger: 'approval-withdrawn', to: 'discovered' },
  // A system in memory is gone with its machine's power, and with it all that it had of the cluster.
  { from: 'joining', trigger: 'script-served', to: 'installing' },
  { from: 'active', trigger: 'script-served', to: 'installing' },
  { from: 'active', trigger: 'boots-own-disk', to: 'active' },
  { from: 'joining', trigger: 'node-ready', to: 'active' },
  // Somebody may join it by hand, and a kubelet may take longer than its time.
  { from: 'installed', trigger: 'node-ready', to: 'active' },
  { from: 'failed', trigger: 'node-ready', to: 'active' },
  { from: 'active', trigger: 'node-gone', to: 'installed' },
  { from: 'installed', trigger: 'reinstall-asked', to: 'approved' },
  { from: 'joining', trigger: 'reinstall-asked', to: 'approved' },
  { from: 'active', trigger: 'reinstall-asked', to: 'approved' },
  { from: 'failed', trigger: 'reinstall-asked', to: 'approved' },
  { from: 'quarantined', trigger: 'reinstall-asked', to: 'approved' },
  { from: 'installed', trigger: 'release-asked', to: 'releasing' },
  { from: 'joining', trigger: 'release-asked', to: 'releasing' },
  { from: 'active', trigger: 'release-asked', to: 'releasing' },
  { from: 'failed', trigger: 'release-asked', to: 'releasing' },
  { from: 'quarantined', trigger: 'release-asked', to: 'releasing' },
  { from: 'releasing', trigger: 'boots-own-disk', to: 'releasing' },
  { from: 'releasing', trigger: 'release-stopped', to: 'active' },
  { from: 'releasing', trigger: 'time-limit-passed', to: 'failed' },
  { from: 'releasing', trigger: 'released', to: 'approved' },
  { from: 'releasing', trigger: 'retired', to: 'retired' },
  { from: 'retired', trigger: 'retry-asked', to: 'approved' },
  { from: 'approved', trigger: 'two-claim-it', to: 'quarantined' },
  { from: 'installing', trigger: 'two-claim-it', to: 'quarantined' },
  { from: 'installed', trigger: 'two-claim-it', to: 'quarantined' },
  { from: 'joining', trigger: 'two-claim-it', to: 'quarantined' },
  { from: 'active', trigger: 'two-claim-it', to: 'quarantined' },
  { from: 'releasing', trigger: 'two-claim-it', to: 'quarantined' },
  { from: 'failed', trigger: 'two-claim-it', to: 'quarantined' },
]

/** A machine that fails this many times in a row waits for a person. */
export const failuresBeforeQuarantine = 3

/** How long a state may last before its machine is called failed, in milliseconds; states without a limit may last. */
export const timeLimitMs: { readonly [state in MachineState]?: number } = {
  installing: 30 * 60 * 1000,
  joining: 30 * 60 * 1000,
  releasing: 60 * 60 * 1000,
}

/** What makes the time limit of a state begin anew. */
export const limitRenewals: { readonly [state in MachineState]?: string } = {
  installing: 'anew with each file that is on its way',
  joining: 'anew each time it is told to wait for something that is not its own',
}

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
