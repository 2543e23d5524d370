import type { Mac } from '../wire/mac.ts'
import { withoutCard, type Approval } from './approval.ts'
import { comparedAt } from './identity-tier.ts'
import type { Machine } from './machine.ts'

// What becomes of a record when its approval changes.

/** With this approval, or with none. */
export function withApproval(machine: Machine, approval: Approval | undefined): Machine {
  if (approval !== undefined) return { ...machine, approval }
  const { approval: _, ...rest } = machine
  return rest
}

/** What an approval leaves as it was: the disk, and that its code was compared, for the cards it was compared for. */
export function keptOf(machine: Machine, now: number): Pick<Approval, 'doneAt' | 'claim' | 'claimedAt'> {
  const { approval, claimedTwiceAt, macs } = machine
  const claimedAt = comparedAt(machine)
  const doneAt = approval?.doneAt ?? now
  const isForAll = macs.every((mac) => approval?.macs.includes(mac))
  const isDoubted = claimedAt === undefined || (claimedTwiceAt !== undefined && claimedTwiceAt >= claimedAt)
  return isDoubted || !isForAll ? { doneAt } : { doneAt, claim: 'compared', claimedAt }
}

/** One that is to be written by the words of the approval from before, or was, is written again. */
export function withInstallAgain(machine: Machine): Machine {
  const { install } = machine
  if (install === undefined || install.phase === 'begun') return machine
  return { ...machine, install: { ...install, again: 'approved' } }
}

/** For a machine whose approval was taken back before its disk was written again. */
export function withoutInstallAgain(machine: Machine): Machine {
  if (machine.install?.again === undefined) return machine
  const { again: _, ...install } = machine.install
  return { ...machine, install }
}

/** What is left of a record whose card another board has: the card takes no approval along, and leaves none for its return. */
export function leftBy(machine: Machine, mac: Mac): Machine {
  const left = { ...machine, macs: machine.macs.filter((one) => one !== mac) }
  return withApproval(left, machine.approval === undefined ? undefined : withoutCard(machine.approval, mac))
}
