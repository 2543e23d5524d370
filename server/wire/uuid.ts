import { hexOf, parseHex } from './hex.ts'

/** An SMBIOS system UUID in lower case with hyphens. Made only by this module. */
export type Uuid = string & { readonly uuid: unique symbol }

export function parseUuid(text: string): Uuid | undefined {
  if (!/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)) return undefined
  return text.toLowerCase() as Uuid
}

/** The sixteen bytes as they stand, in network byte order (RFC 9562 §4). */
export function uuidOfBytes(bytes: Uint8Array): Uuid | undefined {
  if (bytes.length !== 16) return undefined
  const [hex, group] = [hexOf(bytes), (from: number, to: number) => hexOf(bytes.subarray(from, to))]
  return [group(0, 4), group(4, 6), group(6, 8), group(8, 10), hex.slice(20)].join('-') as Uuid
}

/**
 * The same UUID with its first three groups byte-swapped. SMBIOS stores them little-endian (DSP0134 §7.2.1), and
 * firmware, iPXE and Linux disagree about who swaps: one machine shows both forms.
 */
export function byteSwapped(uuid: Uuid): Uuid {
  const [a = '', b = '', c = '', ...rest] = uuid.split('-')
  return [a, b, c].map(reversed).concat(rest).join('-') as Uuid
}

/** False for UUIDs that boards carry when nobody set one: all the same digit, or a counting pattern. */
export function namesOneMachine(uuid: Uuid): boolean {
  const digits = uuid.replaceAll('-', '')
  if (/^(.)\1{31}$/.test(digits)) return false
  return !unsetByMaker.has(uuid) && !unsetByMaker.has(byteSwapped(uuid))
}

/** Seen on boards of several makers whose system UUID was never written. */
const unsetByMaker: ReadonlySet<string> = new Set([
  '03000200-0400-0500-0006-000700080009',
  '00020003-0004-0005-0006-000700080009',
  '12345678-1234-5678-90ab-cddeefaabbcc',
])

function reversed(group: string): string {
  return hexOf((parseHex(group) ?? new Uint8Array()).toReversed())
}
