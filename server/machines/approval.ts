import type { Mac } from '../wire/mac.ts'
import { allows, likenessOf, type ApprovalRule, type Board, type Likeness } from './approval-rule.ts'
import type { ApprovedMethod } from './approved-method.ts'
import type { JoinWords } from './join-wish.ts'

/** What a person may say with an approval, in place of the settings. */
export type ApprovalWishes = JoinWords & {
  readonly hostname?: string
  readonly method?: ApprovedMethod
  readonly image?: string
  /** The image is run until one boot of it has ended well, and the machine's own disk from then on. */
  readonly once?: true
  /** Which disk is written, as `serial=S3Z9NX0M`. */
  readonly disk?: string
  /** Whether a disk that holds data may be written, by the install that this approval is for. */
  readonly wipe?: boolean
  /** The code on the machine's screen was compared with that of its record. */
  readonly claim?: 'compared'
}

/** That a machine may have what the box gives, as its record keeps it. */
export type Approval = ApprovalWishes & {
  readonly by: 'person' | 'rule'
  readonly at: number
  /** The cards it is for: a card that comes to the record later, by a UUID that two boards may share, has no part in it. */
  readonly macs: readonly Mac[]
  /** When its code was compared, if that was with an approval before this one; absent, it was with this one or never. */
  readonly claimedAt?: number
  /** When a boot under it first came to its good end. */
  readonly doneAt?: number
}

/** Whether the machine that asks by a card may have what the box gives, and why. */
export type Standing =
  | {
      readonly kind: 'approved'
      readonly by: 'person'
      readonly because: string
      readonly approval: Approval
    }
  | {
      readonly kind: 'approved'
      readonly by: 'rule'
      readonly because: string
      /** That it has of the rule. */
      readonly likeness?: Likeness
    }
  /** `because`: what keeps an approval from counting; absent, there is none. */
  | { readonly kind: 'waits'; readonly because?: string }

/** How a machine with this approval stands when it asks by `mac`; `clash` says what of it points to another record. */
export function standingOf(
  given: Approval | undefined,
  mac: Mac,
  rule: ApprovalRule,
  clash?: string,
  board?: Board,
): Standing {
  const approval = given?.by === 'person' ? given : undefined
  const isForCard = approval?.macs.includes(mac) === true
  if (approval !== undefined && isForCard && clash === undefined) {
    return { kind: 'approved', by: 'person', because: `a person approved it on ${dayOf(approval)}`, approval }
  }
  // What a board is like counts for that board alone, and here it is not clear whose it is.
  const likeness = likenessOf(rule, mac, clash === undefined ? board : undefined)
  if (likeness !== undefined) {
    const because = `the settings approve it, as ${likeness.text}`
    return { kind: 'approved', by: 'rule', because, likeness }
  }
  if (allows(rule, mac)) return { kind: 'approved', by: 'rule', because: 'the settings approve it' }
  if (approval === undefined) return { kind: 'waits' }
  if (!isForCard) {
    const because = `the card ${mac} came to its record after a person had approved it on ${dayOf(approval)}`
    return { kind: 'waits', because }
  }
  return { kind: 'waits', because: `a person approved it, but it shows itself as two machines: ${clash}` }
}

/** Why the image is not given any more under this approval; `undefined` while it is. */
export function whySpent({ once, doneAt }: Approval): string | undefined {
  if (once === undefined || doneAt === undefined) return undefined
  return `it was approved for one run of its image, which has been done since ${new Date(doneAt).toISOString()}`
}

/** What the record keeps of a rule, once a card has asked that the rule allows, or no longer does. */
export function underRule(
  before: Approval | undefined,
  mac: Mac,
  verdict: 'allowed' | 'not-allowed',
  now: number,
): Approval | undefined {
  if (verdict === 'not-allowed') return before === undefined ? undefined : withoutCard(before, mac)
  if (before === undefined) return { by: 'rule', at: now, macs: [mac] }
  return before.macs.includes(mac) ? before : { ...before, macs: [...before.macs, mac] }
}

/** An approval for the cards that are left; for none, there is none. */
export function withoutCard(approval: Approval, mac: Mac): Approval | undefined {
  if (!approval.macs.includes(mac)) return approval
  const macs = approval.macs.filter((one) => one !== mac)
  return macs.length === 0 ? undefined : { ...approval, macs }
}

function dayOf({ at }: Approval): string {
  return new Date(at).toISOString().slice(0, 10)
}
