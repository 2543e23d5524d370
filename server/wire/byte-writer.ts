/** Writes a packet front to back in network byte order into a buffer that grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array
  #at = 0

  /** @param room bytes set aside at the start; more are added when needed */
  constructor(room = 576) {
    this.#bytes = new Uint8Array(room)
  }

  get length(): number {
    return this.#at
  }

  u8(value: number): this {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
    return this
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value)
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value)
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
    return this
  }

  /** Writes `value` into a field of exactly `width` bytes, filled up with zeros; what does not fit is cut. */
  field(value: Uint8Array, width: number): this {
    return this.bytes(value.subarray(0, width)).zeros(Math.max(0, width - value.length))
  }

  zeros(count: number): this {
    this.#reserve(count)
    this.#at += count
    return this
  }

  /** The bytes written so far, as a view that later writes may move away from. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  #reserve(count: number): void {
    const needed = this.#at + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
