const lineFeed = 0x0a
const carriageReturn = 0x0d

/** The bytes as netascii says them: a line ends with CR LF, a CR alone is followed by NUL (RFC 764, RFC 1350 §1). */
export function netascii(bytes: Uint8Array): Uint8Array {
  const special = (byte: number) => byte === lineFeed || byte === carriageReturn
  const translated = new Uint8Array(
    bytes.length + bytes.reduce((sum, byte) => sum + Number(special(byte)), 0),
  )
  let at = 0
  for (const byte of bytes) {
    if (byte === lineFeed) translated[at++] = carriageReturn
    translated[at++] = byte
    if (byte === carriageReturn) translated[at++] = 0
  }
  return translated
}
