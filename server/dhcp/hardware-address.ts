import { macOfBytes, type Mac } from '../wire/mac.ts'
import type { DhcpMessage } from './message.ts'

/** `htype` of Ethernet (RFC 1700, hardware types). */
export const ethernet = 1

/** The MAC of an Ethernet client; other hardware has none. */
export function macOf(message: DhcpMessage): Mac | undefined {
  if (message.htype !== ethernet || message.hlen !== 6) return undefined
  return macOfBytes(message.chaddr.subarray(0, 6))
}

/** Where `chaddr` begins, and `htype` and `hlen` stand (RFC 2131 §2, figure 1). */
const chaddrAt = 28
const [htypeAt, hlenAt] = [1, 2]

/** The MAC of the Ethernet client in the bytes of a message, which need not be well-formed behind it. */
export function macInBytes(bytes: Uint8Array): Mac | undefined {
  if (bytes[htypeAt] !== ethernet || bytes[hlenAt] !== 6) return undefined
  return macOfBytes(bytes.subarray(chaddrAt, chaddrAt + 6))
}
