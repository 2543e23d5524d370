import { Malformed } from '../wire/malformed.ts'
import type { ByteSource } from './byte-source.ts'
import { CutShort } from './response-body.ts'
import { endOfHead, longestHead, parseResponseHead, type ResponseHead } from './response-head.ts'

/** Servers announce by such responses that the real one takes a while (RFC 9110 §15.2). */
const mostInterim = 8

/** Reads the head of a response, and leaves the source at its body. */
export async function readHead(source: ByteSource): Promise<ResponseHead> {
  for (let interim = 0; interim <= mostInterim; interim++) {
    const head = parseResponseHead(await headText(source))
    if (head.status >= 200) return head
    if (head.status === 101) throw new Malformed('it changes to another protocol, which nobody asked for')
  }
  throw new Malformed('it announces a response again and again')
}

async function headText(source: ByteSource): Promise<string> {
  let bytes = Buffer.alloc(0)
  for (;;) {
    const piece = await source.next()
    if (piece === undefined) throw new CutShort()
    const before = bytes.length
    // What came before is copied: the room of the piece is used again.
    bytes = Buffer.concat([bytes, piece.subarray(0, longestHead + 1 - before)])
    const end = endOfHead(bytes)
    if (end !== undefined && end <= longestHead) {
      source.unread(piece.subarray(end - before))
      return bytes.toString('latin1', 0, end - 4)
    }
    if (bytes.length > longestHead) throw new Malformed('its header has no end')
    if (!mayBecomeHead(bytes)) throw new Malformed('its first line is none of HTTP/1')
  }
}

/** Whatever is no HTTP is told at once, instead of after the silence that follows. */
function mayBecomeHead(bytes: Buffer): boolean {
  const start = 'HTTP/1.'
  const length = Math.min(bytes.length, start.length)
  return bytes.toString('latin1', 0, length) === start.slice(0, length)
}
