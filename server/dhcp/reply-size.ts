import type { DhcpMessage } from './message.ts'
import { maxMessageSizeOf } from './options.ts'

/** IPv4 header without options, and UDP header. */
const headers = 28
/** Every client must take a datagram of this many bytes (RFC 2131 §2). */
const leastDatagram = 576

/**
 * The most bytes of UDP payload a reply may have: what the client takes (option 57), within the MTU of the way out. The
 * option counts IP and UDP headers in (RFC 2131 §2); clients that mean it without them lose 28 bytes by that, no more.
 */
export function replySize(request: DhcpMessage, mtu: number): number {
  const taken = Math.max(leastDatagram, maxMessageSizeOf(request) ?? leastDatagram)
  return Math.min(taken, Math.max(leastDatagram, mtu)) - headers
}
