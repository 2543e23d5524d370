import { drawn, filled, msUntil, type Flow, type TokenBucket } from './token-bucket.ts'

/** Told when more than one download waits for the link, and from time to time while that is so. */
export type LinkNews = () => void

export type Clock = {
  /** Milliseconds of any clock that is not set. */
  readonly now: () => number
  readonly later: (act: () => void, afterMs: number) => void
}

const systemClock: Clock = {
  now: () => performance.now(),
  later: (act, afterMs) => void setTimeout(act, afterMs),
}

/**
 * Of the 1538 bytes that a full frame takes on the wire (Ethernet with its preamble and gap, IPv4, TCP with timestamps)
 * 1448 are a file's.
 */
const payloadShare = 1448 / 1538

/** What one download gets at a time: so many milliseconds of the link, within bounds that keep the turns few and short. */
const pieceMs = 2
const pieceBounds = { least: 64 * 1024, most: 1024 * 1024 }
/** What a moment without sending may be made up for. */
const reserveMs = 50
/** So long apart, at the least, is looked at who may send: one timer for all of them. */
const tickMs = 4
const toldEachMs = 60_000

type Waiting = { readonly byteCount: number; readonly go: (allowed: number) => void }

/**
 * Shares what images may take of a link among the downloads: each is given a piece when its turn comes, and then stands
 * behind the others. Who takes less than its piece leaves the rest to them.
 */
export class LinkBudget {
  readonly most: number
  readonly #flow: Flow
  readonly #news: LinkNews
  readonly #clock: Clock
  #bucket: TokenBucket
  #waiting: Waiting[] = []
  #isTimed = false
  #toldAt = Number.NEGATIVE_INFINITY

  /** @param bitsPerSecond on the wire, what surrounds the bytes of a file included */
  constructor(bitsPerSecond: number, news: LinkNews, clock: Clock = systemClock) {
    const bytesPerMs = (bitsPerSecond * payloadShare) / 8 / 1000
    const piece = Math.round(bytesPerMs * pieceMs)
    this.most = Math.min(pieceBounds.most, Math.max(pieceBounds.least, piece))
    this.#flow = { bytesPerMs, most: Math.max(this.most, bytesPerMs * reserveMs) }
    this.#bucket = { bytes: this.#flow.most, at: clock.now() }
    this.#news = news
    this.#clock = clock
  }

  /** Resolves, when it is this one's turn, with how many of the wanted bytes may go out. */
  async take(wanted: number): Promise<number> {
    return await new Promise((go) => {
      this.#waiting.push({ byteCount: Math.min(wanted, this.most), go })
      this.#serve()
    })
  }

  /** Bytes that were allowed and did not go out. */
  giveBack(byteCount: number): void {
    if (byteCount === 0) return
    this.#bucket = drawn(this.#bucket, -byteCount)
    this.#serve()
  }

  #serve(): void {
    if (this.#waiting.length === 0) return
    this.#bucket = filled(this.#bucket, this.#flow, this.#clock.now())
    let served = 0
    for (const { byteCount, go } of this.#waiting) {
      if (byteCount > this.#bucket.bytes) break
      this.#bucket = drawn(this.#bucket, byteCount)
      served++
      go(byteCount)
    }
    this.#waiting.splice(0, served)
    this.#serveLater()
  }

  #serveLater(): void {
    const [next] = this.#waiting
    if (this.#waiting.length > 1) this.#tell()
    if (next === undefined || this.#isTimed) return
    this.#isTimed = true
    this.#clock.later(
      () => {
        this.#isTimed = false
        this.#serve()
      },
      Math.max(tickMs, Math.ceil(msUntil(this.#bucket, next.byteCount, this.#flow))),
    )
  }

  #tell(): void {
    const now = this.#clock.now()
    if (now - this.#toldAt < toldEachMs) return
    this.#toldAt = now
    this.#news()
  }
}
