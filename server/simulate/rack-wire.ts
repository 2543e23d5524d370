import type { Ipv4 } from '../wire/ipv4.ts'
import type { Found, HttpOrder } from './course.ts'

/** The network between the machines of a rack and the appliance: real sockets, given by who starts the rack. */
export type RackWire = {
  /** Sends to port 67 of everyone, from port 68. */
  readonly broadcast: (bytes: Uint8Array) => void
  /** Makes an address one of this box, so that sockets can be bound to it. */
  readonly takeAddress: (address: Ipv4) => Promise<void>
  /** A UDP port of its own at an address that was taken. */
  readonly openPort: (address: Ipv4, received: (bytes: Uint8Array, from: Peer) => void) => RackPort
  /** What is under way when the signal comes is broken off. */
  readonly fetch: (
    order: HttpOrder,
    from: Ipv4,
    over: AbortSignal,
    /** Hears how many bytes of the answer have come so far. */
    came?: (byteCount: number) => void,
  ) => Promise<Found>
  readonly now: () => number
}

export type Peer = { readonly address: Ipv4; readonly port: number }

export type RackPort = {
  readonly send: (bytes: Uint8Array, to: Peer) => void
  readonly close: () => void
}
