/**
 * Lets a source say much at once and little for ever: each key has `burst` tokens and gains `perSecond` anew. It knows
 * at most `mostKeys` keys; the one unused for the longest is forgotten first.
 */
export class Throttle {
  readonly #buckets = new Map<string, { tokens: number; at: number; refused: number }>()
  readonly #limits: ThrottleLimits

  constructor(limits: ThrottleLimits) {
    this.#limits = limits
  }

  /** Whether this one may pass, and how many were held back since the last that did. */
  pass(key: string, now: number): { readonly passes: boolean; readonly heldBack: number } {
    const { burst, perSecond, mostKeys } = this.#limits
    const found = this.#buckets.get(key)
    const gained = found === undefined ? burst : (Math.max(0, now - found.at) / 1000) * perSecond
    const tokens = Math.min(burst, (found?.tokens ?? 0) + gained)
    const heldBack = found?.refused ?? 0
    const passes = tokens >= 1
    this.#buckets.delete(key)
    this.#buckets.set(key, {
      tokens: passes ? tokens - 1 : tokens,
      at: now,
      refused: passes ? 0 : heldBack + 1,
    })
    if (this.#buckets.size > mostKeys) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    return { passes, heldBack: passes ? heldBack : 0 }
  }
}

export type ThrottleLimits = {
  readonly burst: number
  readonly perSecond: number
  readonly mostKeys: number
}
