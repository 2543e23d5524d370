import { Malformed } from '../wire/malformed.ts'
import type { ByteSource } from './byte-source.ts'
import type { Framing } from './response-head.ts'

/** A connection that ends in the middle of a body. */
export class CutShort extends Error {
  override readonly name = 'CutShort'
}

/** The line of a chunk has a size and extensions that nobody uses. */
const longestLine = 1024
/** Trailers after the last chunk. */
const mostTrailers = 64

/** The bytes of a body. Each piece is good until the next is asked for. */
export async function* responseBody(
  source: ByteSource,
  framing: Framing,
): AsyncGenerator<Uint8Array, void, undefined> {
  switch (framing.kind) {
    case 'length':
      yield* exactly(source, framing.byteCount)
      return
    case 'chunked':
      yield* chunks(source)
      return
    case 'until-close':
      for (let piece = await source.next(); piece !== undefined; piece = await source.next()) yield piece
  }
}

async function* exactly(source: ByteSource, byteCount: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let missing = byteCount; missing > 0;) {
    const piece = await source.next()
    if (piece === undefined) throw new CutShort()
    const taken = piece.subarray(0, missing)
    source.unread(piece.subarray(taken.length))
    missing -= taken.length
    yield taken
  }
}

/** RFC 9112 §7.1. */
async function* chunks(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const line = await lineOf(source)
    const [, digits] = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line) ?? []
    if (digits === undefined) throw new Malformed('a chunk of its body has no size')
    const byteCount = Number.parseInt(digits, 16)
    if (byteCount === 0) break
    yield* exactly(source, byteCount)
    if ((await lineOf(source)) !== '') throw new Malformed('a chunk of its body is longer than it says')
  }
  for (let trailers = 0; (await lineOf(source)) !== ''; trailers++) {
    if (trailers > mostTrailers) throw new Malformed('its body has trailers without an end')
  }
}

async function lineOf(source: ByteSource): Promise<string> {
  let line = ''
  for (;;) {
    const piece = await source.next()
    if (piece === undefined) throw new CutShort()
    const end = piece.indexOf(0x0a)
    const part = end === -1 ? piece : piece.subarray(0, end)
    line += Buffer.from(part).toString('latin1')
    if (line.length > longestLine) throw new Malformed('a line of its body has no end')
    if (end === -1) continue
    source.unread(piece.subarray(end + 1))
    if (!line.endsWith('\r')) throw new Malformed('a line of its body ends without a carriage return')
    return line.slice(0, -1)
  }
}
