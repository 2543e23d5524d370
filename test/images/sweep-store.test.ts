import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { storeFolder } from '../../server/images/store-folder.ts'
import { sweepStore } from '../../server/images/sweep-store.ts'
import { lockFile } from '../../server/store/file-lock.ts'
import { testFolder } from '../folder.ts'
import { aManifest, aStore, digestOf, put, someBytes } from './a-store.ts'

const rules = { now: Date.now() + 1_000, keep: 1, orphansKeptMs: 0, unfinishedKeptMs: 0 }
const order = { lock: lockFile, wanted: [], rules }

t.test('a store that is not there yet has nothing to sweep, and is not made', async (t) => {
  const path = join(testFolder(t), 'images')
  t.match(await sweepStore(path, order), { kind: 'swept', sweep: { versions: [], blobs: [] } })
  t.notOk(existsSync(path))
})

t.test('while a store is open, nothing in it is swept', async (t) => {
  const path = testFolder(t)
  {
    using store = await aStore(path)
    const file = await put(store, someBytes(10))
    t.match(await sweepStore(path, order), { kind: 'put-off', because: /import or a sync is under way/ })
    t.ok(await store.has(file.sha256))
  }
  t.match(await sweepStore(path, order), { kind: 'swept', sweep: { blobs: { length: 1 } } })
  t.strictSame(readdirSync(join(path, 'incoming')), [], 'and no lock stays behind')
})

t.test('a store is not opened while it is swept', async (t) => {
  const path = testFolder(t)
  ;(await aStore(path))[Symbol.dispose]()
  const held = lockFile(storeFolder(path).lock, 'exclusive')
  let isOpen = false
  const opening = aStore(path).then((store) => {
    isOpen = true
    return store
  })
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(isOpen)
  held![Symbol.dispose]()
  using store = await opening
  t.ok(isOpen, `${store.pathOf(digestOf(someBytes(1))).length > 0}`)
})

t.test('the older version goes with what is its own, and what a boot under way runs stays', async (t) => {
  const path = testFolder(t)
  const folder = storeFolder(path)
  const versions = [1, 2, 3, 4].map((number) => ({ version: String(number), publishedAt: number }))
  {
    using store = await aStore(path)
    const initrd = await put(store, someBytes(30))
    for (const one of versions) {
      const kernel = await put(store, someBytes(20))
      await store.publishManifest(aManifest({ kernel, initrd }, one))
    }
  }
  mkdirSync(folder.uses)
  writeFileSync(join(folder.uses, 'attempt'), 'noble@1\n')
  mkdirSync(folder.pins)
  writeFileSync(join(folder.pins, 'noble@2'), '')
  const swept = await sweepStore(path, order)
  t.match(swept, { kind: 'swept', sweep: { versions: ['noble@3'], blobs: { length: 1 } } })
  t.strictSame(readdirSync(folder.manifests), ['noble@1.json', 'noble@2.json', 'noble@4.json'])
  t.equal(readdirSync(folder.blobs).flatMap((shelf) => readdirSync(join(folder.blobs, shelf))).length, 4)
})

t.test('a manifest that cannot be read is told, and holds every blob', async (t) => {
  const path = testFolder(t)
  {
    using store = await aStore(path)
    await put(store, someBytes(10))
  }
  writeFileSync(storeFolder(path).manifest('noble@9'), 'torn')
  t.match(await sweepStore(path, order), {
    kind: 'swept',
    sweep: { blobs: { length: 0 } },
    unreadable: [{ because: 'it is not JSON' }],
  })
})
