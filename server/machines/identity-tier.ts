import { namesOneMachine } from '../wire/uuid.ts'
import { isSameUuid, type BoardOnRecord, type BoardShown } from './board-shown.ts'
import type { Machine } from './machine.ts'

/**
 * By what a machine that asks is tied to its record, the weakest first. `mac`: by its card alone. `smbios`: its board has shown
 * the UUID or the serial of the record too. `claim`: and a person compared the code on its screen. `tpm`, a proof by the hardware,
 * is a word for a later version, which no record has.
 */
export const identityTiers = ['mac', 'smbios', 'claim'] as const
export type IdentityTier = (typeof identityTiers)[number]

export type Identity = {
  readonly tier: IdentityTier
  /** The facts it rests on, and what keeps it from the next. */
  readonly because: string
}

/** A boot, by what it has shown; and, of a system that has enrolled in it, when that was. */
export type Evidence = { readonly shown: BoardShown | undefined; readonly enrolledAt?: number }

type Facts = Pick<Machine, 'uuid' | 'serial' | 'shown' | 'approval' | 'claimedTwiceAt'>

/** The tier of a machine: of its latest boot from the network, unless another is asked about. */
export function identityTier(record: Facts, evidence: Evidence = { shown: record.shown }): Identity {
  const board = boardTie(record, evidence.shown)
  const claim = claimTie(record, evidence)
  // A board that shows nothing of itself has a screen all the same.
  if (claim.kind === 'compared' && board.kind !== 'apart') return { tier: 'claim', because: claim.because }
  const because = [board.because, ...(claim.kind === 'no-more' ? [claim.because] : [])].join('; ')
  return { tier: board.kind === 'tied' ? 'smbios' : 'mac', because }
}

/** Whether one tier is as good as another that is wanted. */
export function reaches(tier: IdentityTier, wanted: IdentityTier): boolean {
  return identityTiers.indexOf(tier) >= identityTiers.indexOf(wanted)
}

/** When a person compared its code: an approval that lets its disk stay lets that stay too. */
export function comparedAt({ approval }: Pick<Machine, 'approval'>): number | undefined {
  if (approval?.by !== 'person' || approval.claim === undefined) return undefined
  return approval.claimedAt ?? approval.at
}

type Tie =
  | { readonly kind: 'tied'; readonly because: string }
  /** Neither its record nor its boot has anything of a board. */
  | { readonly kind: 'blank'; readonly because: string }
  | { readonly kind: 'apart'; readonly because: string }

function boardTie(record: BoardOnRecord, shown: BoardShown | undefined): Tie {
  const apart = (because: string): Tie => ({ kind: 'apart', because })
  if (shown === undefined) return apart('no boot of it from the network has shown its board')
  if (shown.alsoOf !== undefined) return apart(`its board shows the UUID of ${shown.alsoOf} too`)
  const uuid = record.uuid !== undefined && namesOneMachine(record.uuid) ? record.uuid : undefined
  const { serial } = record
  if (shown.uuid !== undefined && uuid !== undefined && !isSameUuid(shown.uuid, uuid))
    return apart(`its board shows the UUID ${shown.uuid}, and its record has ${uuid}`)
  if (shown.serial !== undefined && serial !== undefined && shown.serial !== serial)
    return apart(`its board shows the serial ${shown.serial}, and its record has ${serial}`)
  if (uuid !== undefined && shown.uuid !== undefined)
    return { kind: 'tied', because: 'its board shows the UUID of its record' }
  if (serial !== undefined && shown.serial !== undefined)
    return { kind: 'tied', because: 'its board shows the serial of its record' }
  if (uuid === undefined && serial === undefined)
    return { kind: 'blank', because: 'its board shows neither a UUID nor a serial of its own' }
  return apart('its board shows neither the UUID nor the serial of its record')
}

type Claim =
  | { readonly kind: 'compared'; readonly because: string }
  | { readonly kind: 'no-more'; readonly because: string }
  | { readonly kind: 'never' }

function claimTie(record: Facts, { shown, enrolledAt }: Evidence): Claim {
  const { approval, claimedTwiceAt } = record
  const at = comparedAt(record)
  if (approval === undefined || at === undefined) return { kind: 'never' }
  const day = new Date(at).toISOString().slice(0, 10)
  const noMore = (because: string): Claim => ({ kind: 'no-more', because })
  if (shown !== undefined && !approval.macs.includes(shown.mac))
    return noMore(`its code was compared on ${day} for other cards than ${shown.mac}`)
  if (claimedTwiceAt !== undefined && claimedTwiceAt >= at)
    return noMore(`two systems have claimed to be it since its code was compared on ${day}`)
  if (enrolledAt !== undefined && enrolledAt < at)
    return noMore('its code was compared after this system had enrolled, which says nothing of who that was')
  return { kind: 'compared', because: `a person compared the code on its screen on ${day}` }
}
