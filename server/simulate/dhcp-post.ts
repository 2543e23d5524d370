import { decode } from '../dhcp/decode.ts'
import { encode } from '../dhcp/encode.ts'
import { macOf } from '../dhcp/hardware-address.ts'
import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import { messageTypeOf } from '../dhcp/options.ts'
import type { Mac } from '../wire/mac.ts'

/** Hands each reply to the machine whose question it answers: all of them share one socket. */
export class DhcpPost {
  readonly #waiting = new Map<number, Waiting>()
  readonly #broadcast: (bytes: Uint8Array) => void
  /** Replies that nobody waited for any more. */
  unclaimed = 0

  constructor(broadcast: (bytes: Uint8Array) => void) {
    this.#broadcast = broadcast
  }

  /** Sends, and gives the first reply of one of these types; `undefined` when the time is over. */
  async ask(message: DhcpMessage, mac: Mac, order: AskOrder): Promise<DhcpMessage | undefined> {
    const { bytes } = encode(message, { maxBytes: longestPayload })
    for (let copy = 0; copy < order.copies; copy++) if (!order.loses()) this.#broadcast(bytes)
    if (order.withinMs <= 0) return undefined
    return await new Promise((resolve) => {
      const end = (reply: DhcpMessage | undefined): void => {
        clearTimeout(late)
        this.#waiting.delete(message.xid)
        resolve(reply)
      }
      const late = setTimeout(() => end(undefined), order.withinMs)
      this.#waiting.set(message.xid, { mac, order, end })
    })
  }

  /** What came to port 68. */
  receive(bytes: Uint8Array): void {
    const decoded = decode(bytes)
    if (decoded.kind === 'malformed' || decoded.message.op !== 2) return
    const { message } = decoded
    const waiting = this.#waiting.get(message.xid)
    const type = messageTypeOf(message)
    const fits = waiting !== undefined && type !== undefined && waiting.order.expects.includes(type)
    if (!fits || macOf(message) !== waiting.mac) this.unclaimed++
    else if (!waiting.order.loses()) waiting.end(message)
  }
}

export type AskOrder = {
  readonly copies: number
  readonly expects: readonly MessageTypeName[]
  readonly withinMs: number
  /** Whether the next packet gets lost. */
  readonly loses: () => boolean
}

type Waiting = {
  readonly mac: Mac
  readonly order: AskOrder
  readonly end: (reply: DhcpMessage | undefined) => void
}

/** Of an Ethernet frame without IP and UDP headers. */
const longestPayload = 1472
