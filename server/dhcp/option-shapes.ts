import { ipv4OfBytes, type Ipv4 } from '../wire/ipv4.ts'
import { textUpToNul } from '../wire/text.ts'
import type { DhcpMessage } from './message.ts'

// What an option holds, read by its shape. Absent, and of a length its shape cannot have, are both `undefined`.

export function addressIn(message: DhcpMessage, code: number): Ipv4 | undefined {
  const value = message.options.get(code)
  return value === undefined ? undefined : ipv4OfBytes(value)
}

/** One address or more. */
export function addressesIn(message: DhcpMessage, code: number): readonly Ipv4[] | undefined {
  const value = message.options.get(code)
  if (value === undefined || value.length === 0 || value.length % 4 !== 0) return undefined
  const addresses: Ipv4[] = []
  for (let at = 0; at < value.length; at += 4) {
    const address = ipv4OfBytes(value.subarray(at, at + 4))
    if (address !== undefined) addresses.push(address)
  }
  return addresses
}

export function u8In(message: DhcpMessage, code: number): number | undefined {
  return numberIn(message, code, 1)
}

export function u16In(message: DhcpMessage, code: number): number | undefined {
  return numberIn(message, code, 2)
}

/** Seconds are of this shape. */
export function u32In(message: DhcpMessage, code: number): number | undefined {
  return numberIn(message, code, 4)
}

/** A list of 16-bit numbers, one or more. */
export function u16sIn(message: DhcpMessage, code: number): readonly number[] | undefined {
  const value = message.options.get(code)
  if (value === undefined || value.length === 0 || value.length % 2 !== 0) return undefined
  return Array.from({ length: value.length / 2 }, (_, i) => numberOf(value.subarray(i * 2, i * 2 + 2)))
}

/** Up to its first NUL, which some clients count in (RFC 2132 §2); a text of no letters is none. */
export function textIn(message: DhcpMessage, code: number): string | undefined {
  const value = message.options.get(code)
  const text = value === undefined ? '' : textUpToNul(value)
  return text === '' ? undefined : text
}

function numberIn(message: DhcpMessage, code: number, width: number): number | undefined {
  const value = message.options.get(code)
  return value === undefined || value.length !== width ? undefined : numberOf(value)
}

function numberOf(bytes: Uint8Array): number {
  let number = 0
  for (const byte of bytes) number = number * 256 + byte
  return number
}
