import { node } from 'koffi'
import { ipv4OfNumber, type Ipv4 } from '../wire/ipv4.ts'
import { errorName, libc } from './libc.ts'
import { MessageArena } from './message-arena.ts'
import { OutgoingMessage } from './outgoing-message.ts'
import { bindUdp, boundTo, canSegment, type UdpOptions } from './udp-descriptor.ts'

/** One end of a UDP conversation. */
export type Endpoint = { readonly address: Ipv4; readonly port: number }

/** A datagram as it arrived; the bytes are a copy of its own. */
export type Datagram = {
  readonly bytes: Uint8Array
  readonly from: Endpoint
  /** The same as one number, to look its sender up by. */
  readonly sender: number
}

/** Why a datagram was not sent; the next one may well go out. */
export type Unsent = { readonly code: string; readonly because: string }

export type UdpCounts = {
  readonly received: number
  readonly sent: number
  readonly unsent: number
  /** Longer than any frame that should be here, and dropped. */
  readonly tooLong: number
}

export type UdpSocket = AsyncDisposable & {
  readonly local: Endpoint
  readonly counts: UdpCounts
  /** Sends at once; what the kernel refuses comes back as a value. */
  send(bytes: Uint8Array, to: Endpoint): Unsent | undefined
  /** Sends `bytes` as datagrams of `segmentBytes`, the last one with what is left, in one system call where it can. */
  sendSegments(bytes: Uint8Array, segmentBytes: number, to: Endpoint): Unsent | undefined
  /** Nothing is delivered or sent after it. */
  close(): void
}

/**
 * Opens a UDP socket. What arrives is delivered in batches: all that lay in the kernel's queue at once, in the order of
 * arrival. Throws `UdpUnavailable` when the kernel refuses.
 */
export function openUdp(options: UdpOptions, onBatch: (datagrams: readonly Datagram[]) => void): UdpSocket {
  return new KernelSocket(bindUdp(options), options.source, onBatch)
}

const MSG_DONTWAIT = 0x40
/** UDP_MAX_SEGMENTS of the kernels that brought it (<linux/udp.h>); later ones allow more. */
const maxSegments = 64
/** The longest payload that UDP over IPv4 can carry; the kernel cuts up no more than that at a time. */
const maxPayloadBytes = 65_507
/** How often a queue is emptied before other sockets get their turn. */
const roundsPerTurn = 4
const rememberedEndpoints = 4_096

let arena: MessageArena | undefined
let outgoing: OutgoingMessage | undefined

class KernelSocket implements UdpSocket {
  readonly local: Endpoint
  readonly counts = { received: 0, sent: 0, unsent: 0, tooLong: 0 }
  readonly #fd: number
  readonly #source: Ipv4 | undefined
  readonly #onBatch: (datagrams: readonly Datagram[]) => void
  readonly #arena: MessageArena
  readonly #outgoing: OutgoingMessage
  readonly #endpoints = new Map<number, Endpoint>()
  // koffi holds the callback, the callback this object, and this object the handle: collecting the handle would close it.
  readonly #poll: node.PollHandle
  #segmentation: boolean
  #closed = false

  constructor(fd: number, source: Ipv4 | undefined, onBatch: (datagrams: readonly Datagram[]) => void) {
    this.#fd = fd
    this.#source = source
    this.#onBatch = onBatch
    this.#arena = arena ??= new MessageArena(libc())
    this.#outgoing = outgoing ??= new OutgoingMessage(libc())
    const { address, port } = boundTo(fd)
    this.local = { address: ipv4OfNumber(address), port }
    this.#segmentation = canSegment(fd)
    this.#poll = node.poll(fd, { readable: true }, this.#onReady)
  }

  send(bytes: Uint8Array, to: Endpoint): Unsent | undefined {
    if (this.#closed) return closed
    return this.#sendMessage(bytes, to, undefined)
  }

  sendSegments(bytes: Uint8Array, segmentBytes: number, to: Endpoint): Unsent | undefined {
    if (bytes.length <= segmentBytes) return this.send(bytes, to)
    if (this.#closed) return closed
    const together = Math.min(maxSegments, Math.floor(maxPayloadBytes / segmentBytes))
    if (!this.#segmentation || together < 2) return this.#sendEach(bytes, segmentBytes, to)
    for (let at = 0; at < bytes.length; at += together * segmentBytes) {
      const unsent = this.#sendTogether(bytes.subarray(at, at + together * segmentBytes), segmentBytes, to)
      if (unsent !== undefined) return unsent
    }
    return undefined
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#poll.close()
    libc().close(this.#fd)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  #sendTogether(bytes: Uint8Array, segmentBytes: number, to: Endpoint): Unsent | undefined {
    if (bytes.length <= segmentBytes) return this.send(bytes, to)
    const unsent = this.#sendMessage(bytes, to, segmentBytes)
    if (unsent === undefined || !segmentationRefusals.has(unsent.code)) return unsent
    // EINVAL and EMSGSIZE come from a route whose MTU a segment exceeds, which concerns this client alone.
    if (unsent.code !== 'EINVAL' && unsent.code !== 'EMSGSIZE') this.#segmentation = false
    this.counts.unsent--
    return this.#sendEach(bytes, segmentBytes, to)
  }

  #sendEach(bytes: Uint8Array, segmentBytes: number, to: Endpoint): Unsent | undefined {
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      const unsent = this.send(bytes.subarray(at, at + segmentBytes), to)
      if (unsent !== undefined) return unsent
    }
    return undefined
  }

  #sendMessage(bytes: Uint8Array, to: Endpoint, segmentBytes: number | undefined): Unsent | undefined {
    const message = this.#outgoing.of(bytes, to, { source: this.#source, segmentBytes })
    const sent = libc().sendmsg(this.#fd, message, MSG_DONTWAIT)
    return this.#counted(sent, segmentBytes === undefined ? 1 : Math.ceil(bytes.length / segmentBytes), to)
  }

  #counted(result: number, datagrams: number, to: Endpoint): Unsent | undefined {
    if (result >= 0) {
      this.counts.sent += datagrams
      return undefined
    }
    this.counts.unsent++
    const code = errorName(libc().errno())
    return { code, because: `nothing could be sent to ${to.address}:${to.port} (${code})` }
  }

  readonly #onReady = (status: unknown): void => {
    try {
      this.#receive()
    } catch (error) {
      // koffi would swallow it, and a fault of ours must be loud.
      setImmediate(() => {
        throw error
      })
    }
    // libuv stops a poll whose descriptor had an error pending; receiving has taken the error away.
    if (typeof status === 'number' && status < 0 && !this.#closed) {
      this.#poll.start({ readable: true }, this.#onReady)
    }
  }

  #receive(): void {
    for (let round = 0; round < roundsPerTurn && !this.#closed; round++) {
      const count = this.#arena.receive(this.#fd)
      if (count === 0) return
      this.counts.received += count
      const datagrams = this.#collect(count)
      if (datagrams.length > 0) this.#onBatch(datagrams)
      if (count < MessageArena.slots) return
    }
  }

  #collect(count: number): Datagram[] {
    const datagrams: Datagram[] = []
    for (let slot = 0; slot < count; slot++) {
      const bytes = this.#arena.bytes(slot)
      if (bytes === undefined) {
        this.counts.tooLong++
        continue
      }
      const sender = this.#arena.address(slot) * 0x1_0000 + this.#arena.port(slot)
      datagrams.push({ bytes, from: this.#endpoint(sender), sender })
    }
    return datagrams
  }

  #endpoint(sender: number): Endpoint {
    const known = this.#endpoints.get(sender)
    if (known !== undefined) return known
    if (this.#endpoints.size >= rememberedEndpoints) this.#endpoints.clear()
    const endpoint = { address: ipv4OfNumber(Math.floor(sender / 0x1_0000)), port: sender % 0x1_0000 }
    this.#endpoints.set(sender, endpoint)
    return endpoint
  }
}

const closed: Unsent = { code: 'EBADF', because: 'the socket is closed' }

/** What a kernel or a network card answers that cannot cut this send into segments. */
const segmentationRefusals: ReadonlySet<string> = new Set([
  'EINVAL',
  'EMSGSIZE',
  'EIO',
  'EOPNOTSUPP',
  'ENOPROTOOPT',
])
