/** A fast link fills this in a few milliseconds. */
const roomBytes = 512 * 1024
/** As much as the kernel has for one read of a stream; four records of TLS. */
const leastGap = 64 * 1024

/**
 * Memory that a connection is read into, again and again. Bytes that came stay where they are until the piece after them
 * is taken; what is read meanwhile goes where there is a gap, and only where there is none into new memory.
 */
export class ReadingRoom {
  readonly #room = Buffer.allocUnsafeSlow(roomBytes)
  /** Pieces that came and were not taken, in order. */
  readonly #waiting: Uint8Array[] = []
  /** The piece that somebody is at work with. */
  #taken: Uint8Array | undefined
  /** What the connection writes into next. */
  #open: Buffer = this.#room

  /** Where the connection is to write next. */
  next(): Buffer {
    this.#open = this.#gap()
    return this.#open
  }

  /** So many bytes were written where `next` said. */
  came(byteCount: number): void {
    this.add(this.#open.subarray(0, byteCount))
  }

  /** Bytes that came, wherever they are. */
  add(piece: Uint8Array): void {
    const last = this.#waiting.at(-1)
    const follows =
      last !== undefined && last.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset
    if (!follows) this.#waiting.push(piece)
    else
      this.#waiting[this.#waiting.length - 1] = new Uint8Array(
        last.buffer,
        last.byteOffset,
        last.length + piece.length,
      )
  }

  /** The oldest piece; what was taken before is free again. */
  take(): Uint8Array | undefined {
    this.#taken = this.#waiting.shift()
    return this.#taken
  }

  #gap(): Buffer {
    const room = this.#room
    const busy = [this.#taken, ...this.#waiting].filter((piece) => piece?.buffer === room.buffer)
    const starts = busy.map((piece) => (piece?.byteOffset ?? 0) - room.byteOffset)
    const newest = busy.at(-1)
    const from = newest === undefined ? 0 : newest.byteOffset - room.byteOffset + newest.length
    const to = Math.min(room.length, ...starts.filter((start) => start >= from))
    if (to - from >= leastGap) return room.subarray(from, to)
    const before = Math.min(room.length, ...starts)
    return before >= leastGap ? room.subarray(0, before) : Buffer.allocUnsafeSlow(leastGap)
  }
}
