import type { Libc } from './libc.ts'

// struct iovec { base; length }: 16 bytes. struct mmsghdr { msghdr (56 bytes); received length (4); padding (4) }.
const iovecBytes = 16
const messageBytes = 64
const nameBytes = 16
/** Room for the largest frame of a network with jumbo frames. */
const slotBytes = 9_216

const MSG_DONTWAIT = 0x40
const MSG_TRUNC = 0x20

/** Memory into which one system call receives many datagrams; all sockets share one, as each copies out at once. */
export class MessageArena {
  static readonly slots = 64

  readonly #libc: Libc
  readonly #names = new Uint8Array(new ArrayBuffer(MessageArena.slots * nameBytes))
  readonly #payloads = new Uint8Array(new ArrayBuffer(MessageArena.slots * slotBytes))
  // The kernel follows the addresses written into #messages, so these stay referenced as long as it does.
  readonly #vectors = new Uint8Array(new ArrayBuffer(MessageArena.slots * iovecBytes))
  readonly #messages = new Uint8Array(new ArrayBuffer(MessageArena.slots * messageBytes))
  readonly #messageFields = new DataView(this.#messages.buffer)
  readonly #nameFields = new DataView(this.#names.buffer)
  #used = 0

  constructor(libc: Libc) {
    this.#libc = libc
    const vectorFields = new DataView(this.#vectors.buffer)
    const names = libc.addressOf(this.#names)
    const payloads = libc.addressOf(this.#payloads)
    const vectors = libc.addressOf(this.#vectors)
    for (let slot = 0; slot < MessageArena.slots; slot++) {
      writeU64(vectorFields, slot * iovecBytes, payloads + slot * slotBytes)
      writeU64(vectorFields, slot * iovecBytes + 8, slotBytes)
      writeU64(this.#messageFields, slot * messageBytes, names + slot * nameBytes)
      this.#messageFields.setUint32(slot * messageBytes + 8, nameBytes, true)
      writeU64(this.#messageFields, slot * messageBytes + 16, vectors + slot * iovecBytes)
      writeU64(this.#messageFields, slot * messageBytes + 24, 1)
    }
  }

  /** How many datagrams were taken from the queue; none when it is empty or the kernel reports an error. */
  receive(fd: number): number {
    // The kernel has overwritten the room for a sender's address by its length.
    for (let slot = 0; slot < this.#used; slot++) {
      this.#messageFields.setUint32(slot * messageBytes + 8, nameBytes, true)
    }
    const count = this.#libc.recvmmsg(fd, this.#messages, MessageArena.slots, MSG_DONTWAIT, null)
    this.#used = Math.max(0, count)
    return this.#used
  }

  /** A copy of the datagram in `slot`; `undefined` when it was longer than its room. */
  bytes(slot: number): Uint8Array | undefined {
    const flags = this.#messageFields.getUint32(slot * messageBytes + 48, true)
    if ((flags & MSG_TRUNC) !== 0) return undefined
    const length = this.#messageFields.getUint32(slot * messageBytes + 56, true)
    return this.#payloads.slice(slot * slotBytes, slot * slotBytes + length)
  }

  port(slot: number): number {
    return this.#nameFields.getUint16(slot * nameBytes + 2)
  }

  address(slot: number): number {
    return this.#nameFields.getUint32(slot * nameBytes + 4)
  }
}

/** Addresses have at most 48 bits, so a double holds them exactly. */
export function writeU64(fields: DataView, at: number, value: number): void {
  fields.setUint32(at, value % 0x1_0000_0000, true)
  fields.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true)
}
