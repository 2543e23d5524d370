// A leading U+FEFF is a character like any other here, not a mark to swallow.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
const utf8Bytes = new TextEncoder()

/** The text of a field that ends at its first NUL, or at its end. Bytes that are not UTF-8 become U+FFFD. */
export function textUpToNul(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0)
  if (nul === 0) return ''
  return utf8.decode(nul === -1 ? bytes : bytes.subarray(0, nul))
}

/** The bytes of a text in UTF-8. */
export function bytesOfText(text: string): Uint8Array {
  return utf8Bytes.encode(text)
}

// Control characters, line ends, and the marks that turn the direction of writing and so show a text as another.
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Replaces what moves a cursor or hides a letter, so that a text from the network can stand in a log line or on a terminal. */
export function printable(text: string, limit = 120): string {
  const clean = text.replaceAll(unprintable, '\u{fffd}')
  const cut = clean.length <= limit ? clean : `${clean.slice(0, limit - 1)}…`
  // The cut may have gone through the middle of a character.
  return cut.toWellFormed()
}
