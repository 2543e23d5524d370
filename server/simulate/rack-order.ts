import type { RackPlan } from './rack.ts'
import type { Tally } from './tally.ts'

/** What the process that plays a rack is told. */
export type RackOrder = {
  readonly interface: string
  readonly plan: RackPlan
  /** Milliseconds after which a machine that is not up counts as lost. */
  readonly limitMs: number
  /** Milliseconds over which the machines are switched on. */
  readonly spreadMs: number
  readonly seed: number
}

/** What it says, one line of JSON each. */
export type RackWord =
  | {
      readonly kind: 'progress'
      readonly ended: number
      readonly lost: number
      readonly seconds: number
      readonly byteCount: number
    }
  | { readonly kind: 'tally'; readonly tally: Tally }
  | { readonly kind: 'failed'; readonly because: string }
