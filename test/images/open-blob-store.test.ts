import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { storeFolder } from '../../server/images/store-folder.ts'
import { testFolder } from '../folder.ts'
import { aManifest, aStore, digestOf, put, refuses, someBytes } from './a-store.ts'

t.test('a blob is there when it is published, and not before', async (t) => {
  const path = testFolder(t)
  using store = await aStore(path)
  const bytes = someBytes(3_000_000)
  const sha256 = digestOf(bytes)
  const receiving = await store.receive({ sha256, byteCount: bytes.length })
  t.equal(receiving.have, 0)
  for (let from = 0; from < bytes.length; from += 70_001) {
    await receiving.write(bytes.subarray(from, from + 70_001))
  }
  t.notOk(await store.has(sha256))
  t.strictSame(await receiving.publish(), { sha256, byteCount: bytes.length })
  t.ok(await store.has(sha256))
  t.ok(readFileSync(store.pathOf(sha256)).equals(bytes))
  t.equal(statSync(store.pathOf(sha256)).mode & 0o222, 0, 'nobody may write to it')
  t.strictSame(unfinishedIn(path), [])
})

t.test('a blob whose digest is not known gets the one it has', async (t) => {
  const path = testFolder(t)
  using store = await aStore(path)
  const bytes = someBytes(100)
  const receiving = await store.receive({ sha256: undefined, byteCount: undefined })
  await receiving.write(bytes)
  t.equal((await receiving.publish()).sha256, digestOf(bytes))
  t.ok(await store.has(digestOf(bytes)))
})

t.test('a blob of no bytes is a blob', async (t) => {
  using store = await aStore(testFolder(t))
  t.equal((await put(store, new Uint8Array())).byteCount, 0)
})

t.test('what was paused goes on where it stopped, also in another process', async (t) => {
  const path = testFolder(t)
  const bytes = someBytes(2_500_000)
  const expected = { sha256: digestOf(bytes), byteCount: bytes.length }
  {
    using store = await aStore(path)
    const receiving = await store.receive(expected)
    await receiving.write(bytes.subarray(0, 1_500_001))
    await receiving.pause()
  }
  using store = await aStore(path)
  const receiving = await store.receive(expected)
  t.equal(receiving.have, 1_500_001)
  await receiving.write(bytes.subarray(receiving.have))
  await receiving.publish()
  t.ok(readFileSync(store.pathOf(expected.sha256)).equals(bytes))
})

t.test('what was begun can be begun anew', async (t) => {
  using store = await aStore(testFolder(t))
  const bytes = someBytes(1_200_000)
  const receiving = await store.receive({ sha256: digestOf(bytes), byteCount: bytes.length })
  await receiving.write(someBytes(1_100_000))
  await receiving.restart()
  await receiving.write(bytes)
  await receiving.publish()
  t.ok(readFileSync(store.pathOf(digestOf(bytes))).equals(bytes))
})

t.test('what is left over from something longer is begun anew', async (t) => {
  const path = testFolder(t)
  using store = await aStore(path)
  const bytes = someBytes(1_000)
  const sha256 = digestOf(bytes)
  writeFileSync(join(path, 'incoming', `${sha256}.part`), someBytes(1_001))
  const receiving = await store.receive({ sha256, byteCount: 1_000 })
  t.equal(receiving.have, 0)
  await receiving.write(bytes)
  await receiving.publish()
  t.ok(await store.has(sha256))
})

t.test('another digest, fewer bytes and more bytes are refused, and nothing is left of them', async (t) => {
  const path = testFolder(t)
  using store = await aStore(path)
  const bytes = someBytes(1_000)
  const sha256 = digestOf(bytes)

  const other = await store.receive({ sha256, byteCount: 1_000 })
  await other.write(someBytes(1_000))
  await refuses(t, other.publish(), { kind: 'wrong-digest', message: new RegExp(sha256) })

  const short = await store.receive({ sha256, byteCount: 1_000 })
  t.equal(short.have, 0)
  await short.write(bytes.subarray(0, 999))
  await refuses(t, short.publish(), { kind: 'wrong-size', message: /999 bytes came, and 1000/ })

  const long = await store.receive({ sha256, byteCount: 1_000 })
  await long.write(bytes)
  await refuses(t, long.write(bytes.subarray(0, 1)), { kind: 'wrong-size', message: /more came/ })
  await long.discard()

  t.notOk(await store.has(sha256))
  t.strictSame(unfinishedIn(path), [])
})

t.test('two cannot receive the same blob at a time', async (t) => {
  const path = testFolder(t)
  using one = await aStore(path)
  using two = await aStore(path)
  const bytes = someBytes(10)
  const expected = { sha256: digestOf(bytes), byteCount: 10 }
  const receiving = await one.receive(expected)
  await refuses(t, two.receive(expected), { kind: 'in-use' })
  await receiving.discard()
  const again = await two.receive(expected)
  await again.write(bytes)
  await again.publish()
  t.ok(await one.has(expected.sha256))
})

t.test('a disk without room is told before the first byte, with what is to be done', async (t) => {
  const path = testFolder(t)
  using store = await aStore(path)
  const expected = { sha256: digestOf(someBytes(1)), byteCount: Number.MAX_SAFE_INTEGER }
  await refuses(t, store.receive(expected), { kind: 'no-room', nextStep: /ironwake images list/ })
  // What was refused holds no room and no lock.
  await (await store.receive({ ...expected, byteCount: 10 })).discard()

  using thrifty = await aStore(path, { reserveBytes: Number.MAX_SAFE_INTEGER })
  await refuses(t, thrifty.receive({ ...expected, byteCount: 1 }), { kind: 'no-room' })
})

t.test('room that is promised to one blob is not promised to another', async (t) => {
  const path = testFolder(t)
  const free = Number(
    execFileSync('df', ['--output=avail', '-B1', path], { encoding: 'utf8' }).split('\n')[1],
  )
  using store = await aStore(path)
  const most = Math.floor(free * 0.6)
  const first = await store.receive({ sha256: digestOf(someBytes(8)), byteCount: most })
  await refuses(t, store.receive({ sha256: digestOf(someBytes(8)), byteCount: most }), { kind: 'no-room' })
  await first.discard()
  await (await store.receive({ sha256: digestOf(someBytes(8)), byteCount: most })).discard()
})

t.test('a version is published when all its blobs are there, and never changes', async (t) => {
  const path = testFolder(t)
  using store = await aStore(path)
  const kernel = await put(store, someBytes(100))
  const missing = { sha256: digestOf(someBytes(5)), byteCount: 5, form: 'plain' as const }
  await refuses(t, store.publishManifest(aManifest({ kernel, initrd: missing })), {
    kind: 'incomplete',
    message: 'the initrd of noble@20260401 is not in the store',
  })
  await refuses(t, store.publishManifest(aManifest({ kernel: { ...kernel, byteCount: 101 } })), {
    kind: 'incomplete',
  })
  await refuses(t, store.publishManifest(aManifest({})), { kind: 'incomplete' })
  t.strictSame(await store.manifests(), [])

  const manifest = aManifest({ kernel })
  await store.publishManifest(manifest)
  t.strictSame(await store.manifests(), [manifest])
  await store.publishManifest({ ...manifest, publishedAt: 2_000 })
  t.strictSame(await store.manifests(), [manifest], 'the same once more changes nothing')
  const initrd = await put(store, someBytes(100))
  await refuses(t, store.publishManifest(aManifest({ kernel, initrd })), { kind: 'exists' })
  t.strictSame(unfinishedIn(path), [])
})

t.test('a manifest that nobody can read is no version, and gives way to one that can be read', async (t) => {
  const path = testFolder(t)
  using store = await aStore(path)
  const manifest = aManifest({ kernel: await put(store, someBytes(100)) })
  const file = storeFolder(path).manifest('noble@20260401')
  for (const text of [
    '',
    '{',
    '[]',
    '{"format":2}',
    JSON.stringify({ format: 1, ...manifest, name: '../x' }),
  ]) {
    writeFileSync(file, text)
    t.strictSame(await store.manifests(), [], text)
  }
  await store.publishManifest(manifest)
  t.strictSame(await store.manifests(), [manifest])
})

function unfinishedIn(path: string): readonly string[] {
  return readdirSync(join(path, 'incoming')).filter((name) => name.endsWith('.part'))
}
