const utf8 = new TextDecoder('utf-8')
const utf8Bytes = new TextEncoder()

/** The text of a field that ends at its first NUL, or at its end. Bytes that are not UTF-8 become U+FFFD. */
export function textUpToNul(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0)
  return utf8.decode(nul === -1 ? bytes : bytes.subarray(0, nul))
}

/** The bytes of a text in UTF-8. */
export function bytesOfText(text: string): Uint8Array {
  return utf8Bytes.encode(text)
}

/** Replaces control characters, so that a text from the network can stand in a log line or on a terminal. */
export function printable(text: string, limit = 120): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  const clean = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '\u{fffd}')
  return clean.length <= limit ? clean : `${clean.slice(0, limit - 1)}…`
}
