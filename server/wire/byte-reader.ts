import { Malformed } from './malformed.ts'

/** Reads a packet front to back in network byte order; running past the end throws `Malformed`. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  /** How many bytes have been read. */
  get at(): number {
    return this.#at
  }

  u8(): number {
    return this.#bytes[this.#advance(1)] ?? 0
  }

  u16(): number {
    const at = this.#advance(2)
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0)
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16()
  }

  /** A copy, so that nothing keeps the receive buffer alive or sees it change. */
  bytes(count: number): Uint8Array {
    // Not `slice`: on Node's Buffer, which is what sockets give, it shares its memory instead of copying.
    return new Uint8Array(this.view(count))
  }

  /** The next bytes where they lie: for a reader over bytes that nobody else will change. */
  view(count: number): Uint8Array {
    const at = this.#advance(count)
    return this.#bytes.subarray(at, at + count)
  }

  skip(count: number): void {
    this.#advance(count)
  }

  /** Moves on and tells where the bytes moved over began. */
  #advance(count: number): number {
    const at = this.#at
    if (count > this.#bytes.length - at) {
      throw new Malformed(`${count} more bytes wanted at ${at}, ${this.remaining} are left`)
    }
    this.#at = at + count
    return at
  }
}
