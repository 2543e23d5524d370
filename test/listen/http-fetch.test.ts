import { crc32 } from 'node:zlib'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deliveryApp } from '../../server/http/delivery-app.ts'
import { fileInFolder } from '../../server/http/image-files.ts'
import { fetchHttp, type HttpFetch, type HttpFetched } from '../../server/listen/http-fetch.ts'
import { testFolder } from '../folder.ts'
import { overLoopback } from '../http/over-loopback.ts'

const image = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, at) => at * 7))

async function fetching(t: Test): Promise<(changes: Partial<HttpFetch>) => Promise<HttpFetched>> {
  const folder = testFolder(t)
  writeFileSync(join(folder, 'squashfs'), image)
  const { port } = await overLoopback(
    t,
    deliveryApp(
      (_image, file) => fileInFolder(folder, file),
      () => {},
    ),
  )
  return async (changes) =>
    await fetchHttp({
      method: 'GET',
      url: `http://127.0.0.1:${port}/images/rack/squashfs`,
      from: '127.0.0.1',
      headers: {},
      keepText: false,
      checksum: 0,
      over: new AbortController().signal,
      ...changes,
    })
}

t.test('a file that was broken off and gone on with has the checksum of the whole', async (t) => {
  const fetch = await fetching(t)
  const begun = await fetch({ hangUpAfter: 100_000 })
  if (begun.kind !== 'response') throw new Error(begun.because)
  t.ok(begun.byteCount >= 100_000 && begun.byteCount < image.length, `${begun.byteCount} bytes`)
  t.equal(begun.announced, image.length)
  const rest = await fetch({
    headers: { range: `bytes=${begun.byteCount}-` },
    checksum: begun.checksum,
  })
  t.match(rest, {
    kind: 'response',
    status: 206,
    byteCount: image.length - begun.byteCount,
    checksum: crc32(image),
  })
})

t.test('nobody there, no URL, and a signal are failures with a reason', async (t) => {
  const fetch = await fetching(t)
  t.match(await fetch({ url: 'http://127.0.0.1:1/x' }), { kind: 'failed', because: /ECONNREFUSED/ })
  t.match(await fetch({ url: 'tftp://127.0.0.1/x' }), { kind: 'failed', because: /no URL of http/ })
  t.match(await fetch({ url: 'nonsense' }), { kind: 'failed', because: /no URL of http/ })
  t.match(await fetch({ over: AbortSignal.abort() }), { kind: 'failed' })
})

t.test('HEAD tells the length without a body', async (t) => {
  const fetch = await fetching(t)
  t.match(await fetch({ method: 'HEAD' }), { status: 200, byteCount: 0, announced: image.length })
})
