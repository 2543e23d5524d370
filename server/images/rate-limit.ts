/** Spreads bytes over time, for all downloads together. */
export class RateLimit {
  readonly #bytesPerMs: number
  readonly #now: () => number
  #freeAt = 0

  constructor(bytesPerSecond: number, now: () => number) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#now = now
  }

  /** Takes room for so many bytes that have come, and says how long to wait before the next (milliseconds). */
  take(byteCount: number): number {
    const now = this.#now()
    this.#freeAt = Math.max(this.#freeAt, now) + byteCount / this.#bytesPerMs
    return this.#freeAt - now
  }
}
