import type { ApplianceEvent } from '../events/event.ts'
import type { Lease } from '../networks/lease.ts'
import type { Network } from '../networks/network.ts'
import type { Ipv4 } from '../wire/ipv4.ts'

/** A datagram as it came in on a DHCP port. */
export type Incoming = {
  readonly bytes: Uint8Array
  readonly from: { readonly address: Ipv4; readonly port: number }
  readonly network: Network
  /** Milliseconds since 1970-01-01 UTC. */
  readonly at: number
}

/** A datagram to send out of the network the incoming one came from. */
export type Outgoing = {
  readonly bytes: Uint8Array
  readonly to: { readonly address: Ipv4; readonly port: number }
}

/** All that follows from one datagram. Nothing of it has been done yet. */
export type Answer = {
  readonly send: readonly Outgoing[]
  readonly happened: readonly ApplianceEvent[]
  /** What must be true, and on disk where its state says so, before `send` leaves. */
  readonly leases: readonly Lease[]
}
