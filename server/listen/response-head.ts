import { Malformed } from '../wire/malformed.ts'

/** The beginning of a response, and how its body ends (RFC 9112 §6.3). */
export type ResponseHead = {
  readonly status: number
  /** By their names in lower case; of several with one name, the values with commas between. */
  readonly headers: ReadonlyMap<string, string>
  readonly framing: Framing
}

export type Framing =
  | { readonly kind: 'length'; readonly byteCount: number }
  | { readonly kind: 'chunked' }
  /** Whatever comes until the connection is closed. */
  | { readonly kind: 'until-close' }

/** As servers limit what clients may send. */
export const longestHead = 16 * 1024

/** Where the head ends in these bytes: behind its empty line; `undefined` where it goes on. */
export function endOfHead(bytes: Buffer): number | undefined {
  const at = bytes.indexOf('\r\n\r\n', 0, 'latin1')
  return at === -1 ? undefined : at + 4
}

/** Reads a head without its last, empty line. Throws `Malformed`. */
export function parseResponseHead(text: string): ResponseHead {
  const [first = '', ...lines] = text.split('\r\n')
  const [, digits] = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?$/.exec(first) ?? []
  if (digits === undefined) throw new Malformed('its first line is none of HTTP/1')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*$/.exec(line) ?? []
    // A line that begins with white space once went on with the one before; nobody sends that today (RFC 9112 §5.2).
    if (name === undefined) throw new Malformed('one of its header lines is none')
    const before = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`)
  }
  const status = Number(digits)
  return { status, headers, framing: framingOf(status, headers) }
}

function framingOf(status: number, headers: ReadonlyMap<string, string>): Framing {
  if (status < 200 || status === 204 || status === 304) return { kind: 'length', byteCount: 0 }
  const coding = headers.get('transfer-encoding')
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked')
      throw new Malformed('its body is coded in a way that was not asked for')
    return { kind: 'chunked' }
  }
  const length = headers.get('content-length')
  if (length === undefined) return { kind: 'until-close' }
  const byteCount = Number(length)
  if (!/^[0-9]{1,16}$/.test(length) || !Number.isSafeInteger(byteCount))
    throw new Malformed('the length of its body is no number')
  return { kind: 'length', byteCount }
}
