import type { Ipv4 } from '../wire/ipv4.ts'

/**
 * A DHCP message (RFC 2131 §2), with every field kept, whether this program knows its meaning or not.
 *
 *   op(1) htype(1) hlen(1) hops(1) | xid(4) | secs(2) flags(2) | ciaddr(4) | yiaddr(4) | siaddr(4) | giaddr(4)
 *   chaddr(16) | sname(64) | file(128) | 63 82 53 63 | options …
 */
export type DhcpMessage = {
  /** 1 from a client, 2 from a server. */
  readonly op: number
  readonly htype: number
  readonly hlen: number
  readonly hops: number
  readonly xid: number
  /** Seconds since the client began. */
  readonly secs: number
  readonly flags: number
  readonly ciaddr: Ipv4
  readonly yiaddr: Ipv4
  readonly siaddr: Ipv4
  readonly giaddr: Ipv4
  /** All sixteen bytes; the first `hlen` are the hardware address. */
  readonly chaddr: Uint8Array
  /** Empty when the field holds overloaded options (option 52). */
  readonly sname: string
  readonly file: string
  /** Option code to its bytes, in the order first seen, parts of a long option joined (RFC 3396). */
  readonly options: DhcpOptions
}

export type DhcpOptions = ReadonlyMap<number, Uint8Array>

/** DHCP message types (RFC 2132 §9.6). */
export const messageTypes = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const
export type MessageTypeName = keyof typeof messageTypes
