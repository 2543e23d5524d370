import { numberOfIpv4, type Ipv4 } from '../wire/ipv4.ts'
import type { Libc } from './libc.ts'
import { writeU64 } from './message-arena.ts'

/** What `sendmsg` is told besides the address: whence, and in what pieces. */
export type Manner = { readonly source: Ipv4 | undefined; readonly segmentBytes: number | undefined }

const AF_INET = 2
const IPPROTO_IP = 0
const IP_PKTINFO = 8
const IPPROTO_UDP = 17
const UDP_SEGMENT = 103

// Where each structure stands in the one block of memory.
const vectorAt = 56
const nameAt = 72
const controlAt = 88
/** struct cmsghdr { length (8); level (4); type (4) } before its content, each entry filled up to eight bytes. */
const controlHeaderBytes = 16

/** The structures of one `sendmsg`, laid out once and filled in anew for each call. */
export class OutgoingMessage {
  readonly #block = new Uint8Array(new ArrayBuffer(256))
  readonly #fields = new DataView(this.#block.buffer)
  readonly #libc: Libc
  readonly #address: number
  /** The memory that was sent from last, kept alive with its address; a sender uses the same again and again. */
  #memory: { readonly buffer: ArrayBufferLike; readonly address: number } | undefined

  constructor(libc: Libc) {
    this.#libc = libc
    this.#address = libc.addressOf(this.#block)
    writeU64(this.#fields, 0, this.#address + nameAt)
    this.#fields.setUint32(8, 16, true)
    writeU64(this.#fields, 16, this.#address + vectorAt)
    writeU64(this.#fields, 24, 1)
  }

  /** A struct msghdr that is valid until the next call, as long as `bytes` lives. */
  of(bytes: Uint8Array, to: { readonly address: Ipv4; readonly port: number }, manner: Manner): Uint8Array {
    writeU64(this.#fields, vectorAt, this.#addressOf(bytes))
    writeU64(this.#fields, vectorAt + 8, bytes.length)
    writeSocketAddress(this.#fields, nameAt, to)
    const controlBytes = this.#writeControl(manner)
    writeU64(this.#fields, 32, controlBytes === 0 ? 0 : this.#address + controlAt)
    writeU64(this.#fields, 40, controlBytes)
    return this.#block
  }

  #addressOf(bytes: Uint8Array): number {
    if (this.#memory?.buffer !== bytes.buffer) {
      this.#memory = { buffer: bytes.buffer, address: this.#libc.addressOf(bytes) - bytes.byteOffset }
    }
    return this.#memory.address + bytes.byteOffset
  }

  #writeControl({ source, segmentBytes }: Manner): number {
    let at = controlAt
    if (source !== undefined) {
      // struct in_pktinfo { interface index; source of what is sent; destination of what came }
      this.#controlHeader(at, 12, IPPROTO_IP, IP_PKTINFO)
      this.#fields.setUint32(at + controlHeaderBytes, 0)
      this.#fields.setUint32(at + controlHeaderBytes + 4, numberOfIpv4(source))
      this.#fields.setUint32(at + controlHeaderBytes + 8, 0)
      at += controlHeaderBytes + 16
    }
    if (segmentBytes !== undefined) {
      this.#controlHeader(at, 2, IPPROTO_UDP, UDP_SEGMENT)
      this.#fields.setUint16(at + controlHeaderBytes, segmentBytes, true)
      at += controlHeaderBytes + 8
    }
    return at - controlAt
  }

  #controlHeader(at: number, contentBytes: number, level: number, type: number): void {
    writeU64(this.#fields, at, controlHeaderBytes + contentBytes)
    this.#fields.setUint32(at + 8, level, true)
    this.#fields.setUint32(at + 12, type, true)
  }
}

/** Writes a struct sockaddr_in, 16 bytes. */
export function writeSocketAddress(
  fields: DataView,
  at: number,
  { address, port }: { readonly address: Ipv4; readonly port: number },
): void {
  fields.setUint16(at, AF_INET, true)
  fields.setUint16(at + 2, port)
  fields.setUint32(at + 4, addressNumber(address))
}

const rememberedNumbers = 4_096
const numbers = new Map<Ipv4, number>()

function addressNumber(address: Ipv4): number {
  const known = numbers.get(address)
  if (known !== undefined) return known
  if (numbers.size >= rememberedNumbers) numbers.clear()
  const number = numberOfIpv4(address)
  numbers.set(address, number)
  return number
}
