const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Bytes as lower-case hexadecimal, `separator` between each two. */
export function hexOf(bytes: Uint8Array, separator = ''): string {
  let text = ''
  for (const byte of bytes) text += (text === '' ? '' : separator) + pairs[byte]
  return text
}

const pairsOfDigits = /^\s*(?:[0-9a-f]{2}(?:[\s:-]*[0-9a-f]{2})*\s*)?$/i

/** The bytes of a hexadecimal text; spaces, colons, hyphens between pairs are allowed, never within one. */
export function parseHex(text: string): Uint8Array | undefined {
  if (!pairsOfDigits.test(text)) return undefined
  const digits = text.replaceAll(/[\s:-]/g, '')
  const bytes = new Uint8Array(digits.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16)
  return bytes
}
