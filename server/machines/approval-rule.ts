import type { Mac } from '../wire/mac.ts'
import type { ApprovedMethod } from './approved-method.ts'
import type { DiskSelector } from './disk-selector.ts'
import type { JoinWords } from './join-wish.ts'

/** A rule that a person wrote: every machine, or the network cards listed, and machines that are like what is written. */
export type ApprovalRule =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'these'
      readonly macs: ReadonlySet<Mac>
      readonly likenesses?: readonly Likeness[]
    }

/** Machines that are all of what stands here, each of it one of several; and what they are to have. */
export type Likeness = {
  /** As a person wrote it. */
  readonly text: string
  readonly macs?: ReadonlySet<Mac>
  /** With `*` for any letters. */
  readonly serials?: readonly string[]
  readonly manufacturers?: readonly string[]
  readonly products?: readonly string[]
  readonly gives: RuleWords
}

/** What a rule may say of the machines that it approves, before the defaults of the settings, and after their own entries. */
export type RuleWords = JoinWords & {
  readonly method?: ApprovedMethod
  readonly image?: string
  readonly disk?: DiskSelector
  readonly wipe?: boolean
}

/** What a board tells of itself, as far as its record has it. */
export type Board = {
  readonly serial: string | undefined
  readonly manufacturer: string | undefined
  readonly product: string | undefined
}

/**
 * Whether a rule lets the machine boot that asks from `mac`. Of cards only the one that asks counts: an SMBIOS UUID can stand
 * on two boards, and must not carry an approval from one to the other.
 */
export function allows(rule: ApprovalRule, mac: Mac, board?: Board): boolean {
  if (rule.kind === 'all' || rule.macs.has(mac)) return true
  return likenessOf(rule, mac, board) !== undefined
}

/** The first of a rule's likenesses that a machine has. */
export function likenessOf(rule: ApprovalRule, mac: Mac, board: Board | undefined): Likeness | undefined {
  if (rule.kind === 'all') return undefined
  return rule.likenesses?.find(({ macs, serials, manufacturers, products }) => {
    if (macs?.has(mac) === false) return false
    return (
      isLike(board?.serial, serials) &&
      isLike(board?.manufacturer, manufacturers) &&
      isLike(board?.product, products)
    )
  })
}

/** Makers write their own name in capitals on one board and not on the next. */
function isLike(text: string | undefined, patterns: readonly string[] | undefined): boolean {
  if (patterns === undefined) return true
  if (text === undefined) return false
  const small = text.trim().toLowerCase()
  return patterns.some((pattern) => fitsPattern(small, pattern.toLowerCase()))
}

/** Piece by piece between the stars, and no regular expression that a long text could keep busy. */
function fitsPattern(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false
  let at = first.length
  const end = text.length - last.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found === -1 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}
