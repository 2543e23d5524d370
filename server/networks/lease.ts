import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'

/**
 * An address and who has it. `offered` is held for a client for a short while and lives in memory only; `leased` is
 * on disk before its ACK leaves; `declined` was found in use by somebody else (RFC 2131 §4.3.3) and rests until it
 * ends; `released` is free, and remembered so that its client gets the same address again.
 */
export type Lease = {
  readonly network: string
  readonly address: Ipv4
  readonly mac: Mac
  readonly state: 'offered' | 'leased' | 'declined' | 'released'
  /** Milliseconds since 1970-01-01 UTC. */
  readonly since: number
  readonly endsAt: number
  readonly hostname: string | undefined
}

/** What a client asks about an address, told apart by RFC 2131 §4.3.2, table 4. */
export type LeaseRequest =
  | { readonly kind: 'discover'; readonly wanted: Ipv4 | undefined }
  | { readonly kind: 'selecting'; readonly server: Ipv4; readonly wanted: Ipv4 }
  | { readonly kind: 'init-reboot'; readonly wanted: Ipv4 }
  /** Or rebinding: then all servers are asked, and each answers as to renewing. */
  | { readonly kind: 'renewing'; readonly address: Ipv4 }
  | { readonly kind: 'decline'; readonly server: Ipv4 | undefined; readonly address: Ipv4 }
  | { readonly kind: 'release'; readonly server: Ipv4 | undefined; readonly address: Ipv4 }

export type LeaseAnswer = LeaseReply & {
  /** What becomes true when the answer leaves; `leased`, `declined` and `released` must be on disk before. */
  readonly changes: readonly Lease[]
}

export type LeaseReply =
  | { readonly kind: 'offer'; readonly lease: Lease; readonly seconds: number }
  /** Nothing is said before it is known that nobody answers at the address, which is held for the client until then. */
  | { readonly kind: 'probe'; readonly lease: Lease }
  | { readonly kind: 'acknowledge'; readonly lease: Lease; readonly seconds: number }
  | { readonly kind: 'refuse'; readonly wanted: Ipv4; readonly because: string }
  /** `chosen` is the server whose offer the client took in place of this one's. */
  | { readonly kind: 'stay-silent'; readonly because: string; readonly chosen?: Ipv4 }
  | { readonly kind: 'noted' }
  | { readonly kind: 'exhausted'; readonly because: string }

/** What the policy may ask about leases. The table that the appliance holds in memory answers it. */
export type LeaseView = {
  leaseOf(network: string, mac: Mac): Lease | undefined
  leaseAt(network: string, address: Ipv4): Lease | undefined
  /** An address of the pool that nobody holds at `now`, the longest unused first; `undefined` when none is left. */
  freeAddress(network: string, now: number): Ipv4 | undefined
  /** When an address was last probed and nobody answered. */
  quietAt(network: string, address: Ipv4): number | undefined
}
