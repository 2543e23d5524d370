import { hexOf, parseHex } from './hex.ts'

/** A 48-bit Ethernet address in lower case with colons, as `52:54:00:12:34:56`. Made only by this module. */
export type Mac = string & { readonly mac: unique symbol }

/** Reads a MAC written with colons, hyphens, dots (`5254.0012.3456`) or nothing between its digits. */
export function parseMac(text: string): Mac | undefined {
  const forms = /^([0-9a-f]{2}([:-]?)(?:[0-9a-f]{2}\2){4}[0-9a-f]{2}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})$/i
  if (!forms.test(text)) return undefined
  const bytes = parseHex(text.replaceAll('.', ''))
  return bytes === undefined ? undefined : macOfBytes(bytes)
}

/** The MAC in six bytes; `undefined` when it is not six. */
export function macOfBytes(bytes: Uint8Array): Mac | undefined {
  return bytes.length === 6 ? (hexOf(bytes, ':') as Mac) : undefined
}

export function bytesOfMac(mac: Mac): Uint8Array {
  return parseHex(mac) ?? new Uint8Array(6)
}

/** The form of iPXE's `:hexhyp` and of BOOTIF, `52-54-00-12-34-56`. */
export function hyphenated(mac: Mac): string {
  return mac.replaceAll(':', '-')
}

/** Group addresses and all-zeros name no machine (IEEE 802-2014 §8.2). */
export function isUnicastMac(mac: Mac): boolean {
  return mac !== '00:00:00:00:00:00' && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0
}
