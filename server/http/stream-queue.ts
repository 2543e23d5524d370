/** Told when requests have begun to wait, and from time to time while they do. */
export type QueueNews = (queue: { readonly streams: number; readonly waiting: number }) => void

/** A place among the streams; it must be left. */
export type Stream = Disposable

export type Ticket = {
  /** Resolves when it is this one's turn, or to `undefined` when it is gone before. */
  readonly turn: Promise<Stream | undefined>
  /** Who waits and came before. */
  readonly ahead: () => number
}

const toldEachMs = 10_000

/**
 * Lets so many big files go out at a time, first come, first served: a rack that is switched on is up sooner when its
 * machines are served one after the other than when each has a thousandth of the link.
 */
export class StreamQueue {
  readonly #places: number
  readonly #news: QueueNews
  readonly #waiting = new Set<() => void>()
  #taken = 0
  #toldAt = Number.NEGATIVE_INFINITY

  /** @param places how many files go out at the same time */
  constructor(places: number, news: QueueNews) {
    this.#places = places
    this.#news = news
  }

  get waiting(): number {
    return this.#waiting.size
  }

  enter(gone: AbortSignal): Ticket {
    const nobody = (): number => 0
    if (gone.aborted) return { turn: Promise.resolve(undefined), ahead: nobody }
    if (this.#taken < this.#places) return { turn: Promise.resolve(this.#place()), ahead: nobody }
    const { promise: turn, resolve } = Promise.withResolvers<Stream | undefined>()
    const itsTurn = (): void => {
      gone.removeEventListener('abort', giveUp)
      this.#waiting.delete(itsTurn)
      resolve(this.#place())
    }
    const giveUp = (): void => {
      this.#waiting.delete(itsTurn)
      resolve(undefined)
    }
    gone.addEventListener('abort', giveUp, { once: true })
    this.#waiting.add(itsTurn)
    this.#tell()
    return { turn, ahead: () => Math.max(0, [...this.#waiting].indexOf(itsTurn)) }
  }

  #place(): Stream {
    this.#taken++
    let left = false
    return {
      [Symbol.dispose]: () => {
        if (left) return
        left = true
        this.#taken--
        const [next] = this.#waiting
        next?.()
      },
    }
  }

  #tell(): void {
    const now = performance.now()
    if (now - this.#toldAt < toldEachMs) return
    this.#toldAt = now
    this.#news({ streams: this.#places, waiting: this.#waiting.size })
  }
}
