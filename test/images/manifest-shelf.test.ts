import { existsSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ManifestShelf } from '../../server/images/manifest-shelf.ts'
import { storeFolder } from '../../server/images/store-folder.ts'
import { testFolder } from '../folder.ts'
import { aManifest, aStore, put, someBytes } from './a-store.ts'

t.afterEach(() => mock.timers.reset())

/** A store with two versions, the second of which can be taken out and put back. */
async function aShelf(t: Test) {
  const path = testFolder(t)
  const folder = storeFolder(path)
  using store = await aStore(path)
  const kernel = await put(store, someBytes(10))
  for (const version of ['1', '2'])
    await store.publishManifest(aManifest({ kernel }, { version, publishedAt: Number(version) }))
  const [file, aside] = [folder.manifest('noble@2'), `${path}/aside`]
  return {
    shelf: new ManifestShelf(path),
    folder: folder.manifests,
    takeOut: () => void (existsSync(file) && renameSync(file, aside)),
    putBack: () => writeFileSync(file, readFileSync(aside)),
  }
}

t.test('what comes while a look is under way is seen by the next', async (t) => {
  const { shelf, takeOut, putBack } = await aShelf(t)
  for (let turns = 0; turns < 30; turns++) {
    takeOut()
    const early = shelf.look()
    for (let passed = 0; passed < turns; passed++) await turn()
    putBack()
    await shelf.look()
    t.equal(shelf.newest('noble')?.version, '2', `after ${turns} turns`)
    await early
  }
})

t.test(
  'what comes right after a look that took long is seen, though the time stamp is the same',
  async (t) => {
    const { shelf, folder, takeOut, putBack } = await aShelf(t)
    takeOut()
    const stamp = Math.floor(statSync(folder).mtimeMs)
    const sameStamp = (): void => utimesSync(folder, stamp / 1_000, stamp / 1_000)
    sameStamp()
    mock.timers.enable({ apis: ['Date'], now: stamp + 500 })
    const look = shelf.look()
    await turn()
    mock.timers.setTime(stamp + 1_500)
    await look
    t.equal(shelf.newest('noble')?.version, '1')
    putBack()
    sameStamp()
    await shelf.look()
    t.equal(shelf.newest('noble')?.version, '2')
  },
)
