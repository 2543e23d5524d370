import type { Agreement, Terms } from './negotiate.ts'
import { doubled, measured, unknownRoundTrip, type RoundTrip } from './round-trip.ts'

/** One file on its way to one client. Times are milliseconds of a clock that only goes forward. */
export type Transfer = {
  readonly terms: Terms
  /** The number of the last block, which is shorter than the others. */
  readonly lastBlock: number
  /** The last block that has arrived with all before it; 0 is the OACK, -1 that it is awaited. */
  readonly acknowledged: number
  /** The last block that was sent. Between `acknowledged` and it lies the window. */
  readonly sent: number
  /** Every block up to here has been sent at least once. */
  readonly reached: number
  /** A block of the window was sent twice, so answers to it may come twice. */
  readonly repeated: boolean
  /** The same of the window before: what answers it may still be under way. */
  readonly repeatedBefore: boolean
  readonly roundTrip: RoundTrip
  readonly sentAt: number
  /** When to send the window again. */
  readonly dueAt: number
  /** When the client last moved on. */
  readonly movedAt: number
  readonly resentBlocks: number
}

/** What to do next, and the transfer as it is from then on. */
export type Step = { readonly transfer: Transfer } & (
  | { readonly kind: 'wait' }
  | { readonly kind: 'send-options' }
  | { readonly kind: 'send-blocks'; readonly first: number; readonly last: number }
  | { readonly kind: 'complete' }
  | { readonly kind: 'give-up'; readonly because: string }
)

/** How long a client may stay silent in the middle of a file: firmware of slow machines takes seconds to store a part. */
const longestSilenceMs = 30_000

/**
 * The same before the first block has arrived, so that a request with a forged sender draws few packets to its victim,
 * and after the last block was sent, when most clients are gone, whether their acknowledgement arrives or not.
 */
const longestSilenceAtEndsMs = 20_000

export function startTransfer(byteCount: number, { terms, granted }: Agreement, now: number): Step {
  const transfer: Transfer = {
    terms,
    // A file that fills its last block exactly is ended by one more, empty block (RFC 1350 §6).
    lastBlock: Math.floor(byteCount / terms.blockBytes) + 1,
    acknowledged: granted.size > 0 ? -1 : 0,
    sent: 0,
    reached: 0,
    repeated: false,
    repeatedBefore: false,
    roundTrip: unknownRoundTrip(terms.timeoutMs),
    sentAt: now,
    dueAt: now,
    movedAt: now,
    resentBlocks: 0,
  }
  return sendWindow(transfer, now)
}

/** An ACK came. `block` is the number on the wire, the low 16 bits of the block's own. */
export function acknowledge(transfer: Transfer, block: number, now: number): Step {
  const advance = (block - transfer.acknowledged) & 0xffff
  const acknowledged = transfer.acknowledged + advance
  // Further than the window reaches lie only numbers of blocks acknowledged long ago.
  if (acknowledged > transfer.sent) return { kind: 'wait', transfer }
  if (advance === 0) return showsGap(transfer) ? repeatWindow(transfer, now) : { kind: 'wait', transfer }
  const whole = acknowledged === transfer.sent
  const moved: Transfer = {
    ...transfer,
    acknowledged,
    roundTrip:
      whole && !transfer.repeated ? measured(transfer.roundTrip, now - transfer.sentAt) : transfer.roundTrip,
    // An answer from inside the window asks for the rest of it anew, although some of that may arrive (RFC 7440 §4).
    repeatedBefore: transfer.repeated || !whole,
    repeated: false,
    movedAt: now,
  }
  if (acknowledged === transfer.lastBlock) return { kind: 'complete', transfer: moved }
  return sendWindow(moved, now)
}

/** The time `dueAt` has come. */
export function timeOut(transfer: Transfer, now: number): Step {
  const atAnEnd = transfer.acknowledged <= 0 || transfer.sent === transfer.lastBlock
  if (now - transfer.movedAt >= (atAnEnd ? longestSilenceAtEndsMs : longestSilenceMs)) {
    return { kind: 'give-up', transfer, because: silence(transfer) }
  }
  return repeatWindow({ ...transfer, roundTrip: doubled(transfer.roundTrip) }, now)
}

/**
 * Whether an ACK that came before says that the first block of the window is missing (RFC 7440 §4). With a window of one
 * block it never does: answering such an ACK doubles every packet from then on (RFC 1123 §4.2.3.1, "Sorcerer's
 * Apprentice"). With larger windows the same is avoided by answering once, and only if nothing that we sent twice can
 * have caused it.
 */
function showsGap(transfer: Transfer): boolean {
  return (
    transfer.terms.windowBlocks > 1 && !transfer.repeated && !transfer.repeatedBefore && transfer.sent > 1
  )
}

function repeatWindow(transfer: Transfer, now: number): Step {
  return sendWindow({ ...transfer, repeated: true }, now)
}

function sendWindow(transfer: Transfer, now: number): Step {
  const dueAt = now + transfer.roundTrip.wait
  if (transfer.acknowledged < 0) {
    return { kind: 'send-options', transfer: { ...transfer, sent: 0, sentAt: now, dueAt } }
  }
  const first = transfer.acknowledged + 1
  const last = Math.min(transfer.lastBlock, transfer.acknowledged + transfer.terms.windowBlocks)
  const again = Math.max(0, Math.min(last, transfer.reached) - first + 1)
  const sending: Transfer = {
    ...transfer,
    sent: last,
    reached: Math.max(last, transfer.reached),
    repeated: transfer.repeated || again > 0,
    sentAt: now,
    dueAt,
    resentBlocks: transfer.resentBlocks + again,
  }
  return { kind: 'send-blocks', transfer: sending, first, last }
}

function silence(transfer: Transfer): string {
  if (transfer.acknowledged < 0) return 'the client never answered our options'
  if (transfer.sent === transfer.lastBlock) {
    return 'the last block was not acknowledged; the client may have it all the same'
  }
  if (transfer.acknowledged === 0) return 'the client never acknowledged the first block'
  return `the client fell silent after block ${transfer.acknowledged} of ${transfer.lastBlock}`
}
