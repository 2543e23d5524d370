import { UpstreamFault } from './upstream-fault.ts'

/** Slower than a telephone line, a file of today does not come to its end. */
const slowest = { bytes: 64 * 1024, withinMs: 60_000 }

/** Watches that bytes come at all: a server that sends a few now and then is not silent, but of no use. */
export class Pace {
  readonly #now: () => number
  #waitedMs = 0
  #byteCount = 0
  #since = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** From now on the server is waited for. */
  waiting(): void {
    this.#since = this.#now()
  }

  /** So many bytes came. What the reader does with them in the meantime is not the server's fault. */
  came(byteCount: number, url: string): void {
    this.#waitedMs += this.#now() - this.#since
    this.#byteCount += byteCount
    if (this.#waitedMs < slowest.withinMs) return
    if (this.#byteCount < slowest.bytes) {
      const host = new URL(url).host
      const seconds = slowest.withinMs / 1000
      throw new UpstreamFault('too-slow', `${host} sent ${this.#byteCount} bytes in ${seconds} seconds.`)
    }
    this.#waitedMs = 0
    this.#byteCount = 0
  }
}
