import { macOfBytes, type Mac } from '../wire/mac.ts'
import type { DhcpMessage } from './message.ts'

/** `htype` of Ethernet (RFC 1700, hardware types). */
export const ethernet = 1

/** The MAC of an Ethernet client; other hardware has none. */
export function macOf(message: DhcpMessage): Mac | undefined {
  if (message.htype !== ethernet || message.hlen !== 6) return undefined
  return macOfBytes(message.chaddr.subarray(0, 6))
}
