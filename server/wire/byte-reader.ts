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

  u8(): number {
    return this.#take(1)[0] ?? 0
  }

  u16(): number {
    const bytes = this.#take(2)
    return ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16()
  }

  /** A copy, so that nothing keeps the receive buffer alive or sees it change. */
  bytes(count: number): Uint8Array {
    return this.#take(count).slice()
  }

  skip(count: number): void {
    this.#take(count)
  }

  #take(count: number): Uint8Array {
    if (count > this.remaining) {
      throw new Malformed(`${count} more bytes wanted at ${this.#at}, ${this.remaining} are left`)
    }
    const taken = this.#bytes.subarray(this.#at, this.#at + count)
    this.#at += count
    return taken
  }
}
