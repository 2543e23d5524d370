import { connect, createServer, type AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { ByteSource } from '../../server/listen/byte-source.ts'
import { readHead } from '../../server/listen/read-head.ts'
import { responseBody } from '../../server/listen/response-body.ts'
import { parseResponseHead } from '../../server/listen/response-head.ts'
import { Malformed } from '../../server/wire/malformed.ts'

t.test('a head says how its body ends', async (t) => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['HTTP/1.1 200 OK\r\nContent-Length: 12', { kind: 'length', byteCount: 12 }],
    ['HTTP/1.1 200 OK\r\nContent-Length: 0', { kind: 'length', byteCount: 0 }],
    ['HTTP/1.0 200 OK', { kind: 'until-close' }],
    ['HTTP/1.1 200\r\nTransfer-Encoding: Chunked', { kind: 'chunked' }],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5', { kind: 'chunked' }],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 12', { kind: 'length', byteCount: 0 }],
    ['HTTP/1.1 204 No Content', { kind: 'length', byteCount: 0 }],
  ]
  for (const [text, framing] of cases) t.strictSame(parseResponseHead(text).framing, framing, text)
})

t.test('headers are found by their names in small letters', async (t) => {
  const { status, headers } = parseResponseHead(
    'HTTP/1.1 206 Partial Content\r\nETag:  "a"\t\r\nx-empty:\r\nVia: one\r\nVIA: two\r\nX-Bytes: \u00e9',
  )
  t.equal(status, 206)
  t.strictSame(
    [...headers],
    [
      ['etag', '"a"'],
      ['x-empty', ''],
      ['via', 'one, two'],
      ['x-bytes', '\u00e9'],
    ],
  )
})

t.test('what is no head of HTTP/1 says why', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /first line/],
    ['HTTP/2 200', /first line/],
    ['HTTP/1.1 20 OK', /first line/],
    ['HTTP/1.1 2000 OK', /first line/],
    ['ICY 200 OK', /first line/],
    ['HTTP/1.1 200 OK\r\nno colon', /header lines/],
    ['HTTP/1.1 200 OK\r\nname : value', /header lines/],
    ['HTTP/1.1 200 OK\r\nname: a\r\n folded', /header lines/],
    ['HTTP/1.1 200 OK\r\nname: a\nother: b', /header lines/],
    ['HTTP/1.1 200 OK\r\nname: a\0', /header lines/],
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6', /length of its body/],
    ['HTTP/1.1 200 OK\r\nContent-Length: -5', /length of its body/],
    ['HTTP/1.1 200 OK\r\nContent-Length: 0x10', /length of its body/],
    ['HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999', /length of its body/],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked', /coded in a way/],
  ]
  for (const [text, because] of cases) {
    t.throws(() => parseResponseHead(text), { name: 'Malformed', message: because }, JSON.stringify(text))
  }
})

t.test('no text is more than malformed', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, isLikely) => {
      try {
        parseResponseHead(isLikely ? `HTTP/1.1 200 OK\r\n${text}` : text)
      } catch (error) {
        if (!(error instanceof Malformed)) throw error
      }
    }),
  )
  t.pass('nothing else was thrown')
})

/** The status and body of what a server writes, in these pieces, before it hangs up. */
async function read(t: Test, pieces: readonly (string | Buffer)[], silenceMs = 60_000) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    void (async () => {
      for (const piece of pieces) {
        await new Promise((resolve) => socket.write(piece, resolve))
        await new Promise((resolve) => setImmediate(resolve))
      }
      socket.end()
    })()
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  const source = new ByteSource(silenceMs, () => new Error('silent'))
  const { port } = server.address() as AddressInfo
  const socket = connect({ host: '127.0.0.1', port, onread: source.intoOneRoom() })
  source.from(socket, 'into-one-room')
  t.teardown(() => socket.destroy())
  const { status, framing } = await readHead(source)
  const body: Buffer[] = []
  const rooms = new Set<ArrayBufferLike>()
  for await (const piece of responseBody(source, framing)) {
    rooms.add(piece.buffer)
    body.push(Buffer.from(piece))
  }
  return { status, body: Buffer.concat(body).toString('latin1'), rooms: rooms.size }
}

const head = 'HTTP/1.1 200 OK\r\n'

t.test('a body comes whole, however it is framed', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    [`${head}Content-Length: 5\r\n\r\nhello`, 'hello'],
    [`${head}Content-Length: 5\r\n\r\nhello, and what follows`, 'hello'],
    [`${head}Content-Length: 0\r\n\r\n`, ''],
    [`${head}\r\nuntil the end`, 'until the end'],
    [`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n`, 'hello world'],
    [`${head}Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n`, '0123456789'],
    [`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${head}Content-Length: 2\r\n\r\nok`, 'ok'],
  ]
  for (const [text, body] of cases) t.equal((await read(t, [text])).body, body, JSON.stringify(text))
  for (const [text, body] of cases) t.equal((await read(t, text.split(''))).body, body, 'letter by letter')
})

t.test('a body that breaks off or is none says so', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [`${head}Content-Length: 5\r\n\r\nhell`, /^CutShort/],
    [`${head}Content-Le`, /^CutShort/],
    ['', /^CutShort/],
    [`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`, /^CutShort/],
    [`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, /^CutShort/],
    [`${head}Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n`, /has no size/],
    [`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n`, /longer than it says/],
    [`${head}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n`, /carriage return/],
    [`${head}Transfer-Encoding: chunked\r\n\r\n${'0'.repeat(2_000)}`, /has no end/],
    [`${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffff\r\n`, /has no size/],
    [`${head}Transfer-Encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(80)}`, /trailers/],
    [`${head}${'a: b\r\n'.repeat(4_000)}`, /its header has no end/],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', /another protocol/],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(20), /again and again/],
    ['220 ftp.example ready\r\n', /first line/],
  ]
  for (const [text, because] of cases) {
    const told = await read(t, [text]).then(
      () => 'nothing',
      (error: unknown) => String(error),
    )
    t.match(told, because, JSON.stringify(text.slice(0, 60)))
  }
})

t.test('however much comes, it comes through one room', async (t) => {
  const big = Buffer.alloc(3 * 1024 * 1024, 'x')
  const got = await read(t, [`${head}Content-Length: ${big.length}\r\n\r\n`, big])
  t.equal(got.body.length, big.length)
  t.equal(got.rooms, 1)
})
