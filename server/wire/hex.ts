const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Bytes as lower-case hexadecimal, `separator` between each two. */
export function hexOf(bytes: Uint8Array, separator = ''): string {
  let text = ''
  for (const byte of bytes) text += (text === '' ? '' : separator) + pairs[byte]
  return text
}

/** The bytes of a hexadecimal text; spaces, colons, hyphens between pairs are allowed. */
export function parseHex(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/[\s:-]/g, '')
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) return undefined
  const bytes = new Uint8Array(digits.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16)
  return bytes
}
