import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BlobStore } from '../../server/images/blob-store.ts'
import { fetchFile } from '../../server/images/fetch-file.ts'
import type { Sha256 } from '../../server/wire/sha256.ts'
import { testFolder } from '../folder.ts'
import { aStore, digestOf, refuses, someBytes } from './a-store.ts'
import { answers, anUpstream, cutAfter, otherBytes, type Upstream } from './an-upstream.ts'
import { someTools } from './some-tools.ts'

const file = someBytes(3_000_000)
const sha256 = digestOf(file)

async function aScene(t: Test) {
  const folder = testFolder(t)
  const store = await aStore(folder)
  t.teardown(() => store[Symbol.dispose]())
  const upstream = await anUpstream()
  t.teardown(async () => await upstream[Symbol.asyncDispose]())
  upstream.put('disk.img', file)
  const progress: (readonly [number, number])[] = []
  const fetching = async (digest: Sha256 | undefined, url = `${upstream.base}disk.img`) =>
    await fetchFile(url, digest, {
      ...someTools(),
      // As a server with a certificate is asked: what is tried here is what comes after.
      openUrl: async (order) =>
        await someTools().openUrl({ ...order, url: order.url.replace('https:', 'http:') }),
      store,
      rate: undefined,
      progress: (done, total) => void progress.push([done, total]),
    })
  return { store, upstream, fetching, progress, folder }
}

const withCertificate = ({ base }: Upstream): string => `${base}disk.img`.replace('http:', 'https:')

function stored(store: BlobStore): Buffer {
  return readFileSync(store.pathOf(sha256))
}

t.test('a file comes by its digest, or without one by https', async (t) => {
  for (const digest of [sha256, undefined]) {
    const { store, upstream, fetching, progress } = await aScene(t)
    const url = digest === undefined ? withCertificate(upstream) : undefined
    t.strictSame(await fetching(digest, url), { sha256, byteCount: file.length })
    t.ok(stored(store).equals(file))
    t.strictSame(progress.at(-1), [file.length, file.length])
  }
})

t.test('a connection that breaks is taken up again, with a digest and without', async (t) => {
  for (const digest of [sha256, undefined]) {
    const { store, upstream, fetching } = await aScene(t)
    // The first request asks for the size only.
    const cut = cutAfter(1_000_000)
    upstream.misbehave('disk.img', (happening) => happening.times === 2 && cut(happening))
    await fetching(digest, digest === undefined ? withCertificate(upstream) : undefined)
    t.ok(stored(store).equals(file))
    t.match(upstream.asked.at(-1), { range: /^bytes=[0-9]+-$/ })
  }
})

t.test('pieces that no tag holds together are not put together, when no digest would tell', async (t) => {
  const { store, upstream, fetching } = await aScene(t)
  upstream.misbehave('disk.img', ({ response, socket, times }) => {
    response.writeHead(200, { 'content-length': file.length })
    if (times === 2) response.write(Buffer.alloc(1_000_000), () => socket.destroy())
    else response.end(file)
    return true
  })
  t.strictSame(await fetching(undefined, withCertificate(upstream)), { sha256, byteCount: file.length })
  t.ok(stored(store).equals(file))
  t.strictSame(
    upstream.asked.map(({ range }) => range),
    [undefined, undefined, undefined],
  )
})

t.test('what is not what was asked for is refused, and nothing of it stays', async (t) => {
  const { store, upstream, fetching, folder } = await aScene(t)
  upstream.misbehave(
    'disk.img',
    otherBytes((bytes) => Buffer.from(bytes).fill(1, 0, 10)),
  )
  await refuses(t, fetching(sha256), { kind: 'wrong-digest', message: /is not the file that was asked for/ })
  t.notOk(await store.has(sha256))
  t.strictSame(
    readdirSync(join(folder, 'incoming')).filter((name) => name.endsWith('.part')),
    [],
  )
})

t.test('what nothing vouches for, hides a password or has no length is not fetched', async (t) => {
  const { upstream, fetching } = await aScene(t)
  await refuses(t, fetching(undefined), { kind: 'unsafe', nextStep: /--sha256/ })
  await refuses(t, fetching(sha256, 'https://me:secret@images.example/disk.img'), {
    kind: 'unsafe',
    message: /a name or a password/,
  })
  await refuses(t, fetching(sha256, 'ftp://images.example/disk.img'), { message: /no URL of http/ })
  t.equal(upstream.asked.length, 0)
  upstream.misbehave('disk.img', ({ response }) => {
    response.writeHead(200)
    response.end(file)
    return true
  })
  await refuses(t, fetching(sha256), { kind: 'wrong-size', message: /does not say how long/ })
  upstream.misbehave('disk.img', answers(404))
  await t.rejects(fetching(sha256), { name: 'UpstreamFault', message: /is not there \(404\)/ })
})
