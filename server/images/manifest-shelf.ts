import { stat } from 'node:fs/promises'
import type { Sha256 } from '../wire/sha256.ts'
import { filesOf, versionName, type Manifest } from './manifest.ts'
import { isMissing } from './names-in.ts'
import { isComplete, newestFirst } from './newest-version.ts'
import { readManifests } from './read-manifests.ts'
import { storeFolder, type StoreFolder } from './store-folder.ts'

/** A change within this time of the beginning of a look may bear the same time stamp as what was seen. */
const stampGrainMs = 1_000

/** The versions of a store, in memory, for who asks often and may not wait. */
export class ManifestShelf {
  readonly #folder: StoreFolder
  #versions: ReadonlyMap<string, Manifest> = new Map()
  #newest: ReadonlyMap<string, Manifest> = new Map()
  #stamp: number | undefined
  #looking: Promise<void> | undefined
  /** The look that has not begun. */
  #next: Promise<void> | undefined

  constructor(path: string) {
    this.#folder = storeFolder(path)
  }

  /** Sees what was published or removed since, by whatever process. */
  async look(): Promise<void> {
    // One that is under way may have passed what has just come: who asks meanwhile shares the one after it.
    this.#next ??= this.#lookAfter(this.#looking)
    await this.#next
  }

  /** A version that is there whole. */
  version(name: string): Manifest | undefined {
    return this.#versions.get(name)
  }

  /** The newest version of an image that is there whole. */
  newest(image: string): Manifest | undefined {
    return this.#newest.get(image)
  }

  names(): readonly string[] {
    return [...this.#newest.keys()]
  }

  path(sha256: Sha256): string {
    return this.#folder.blob(sha256)
  }

  async #lookAfter(before: Promise<void> | undefined): Promise<void> {
    // What went wrong there is told to who asked for it.
    await before?.catch(() => {})
    this.#looking = this.#lookNow()
    this.#next = undefined
    await this.#looking
  }

  async #lookNow(): Promise<void> {
    const begun = Date.now()
    const stamp = await stampOf(this.#folder.manifests)
    if (stamp !== undefined && stamp === this.#stamp) return
    const { manifests } = await readManifests(this.#folder)
    const whole: Manifest[] = []
    for (const manifest of manifests) if (await isWhole(this.#folder, manifest)) whole.push(manifest)
    this.#versions = new Map(whole.map((manifest) => [versionName(manifest), manifest]))
    const images = Map.groupBy(whole, ({ name }) => name)
    this.#newest = new Map(
      [...images].flatMap(([name, versions]) => {
        const [newest] = newestFirst(versions)
        return newest === undefined ? [] : [[name, newest] as const]
      }),
    )
    this.#stamp = stamp === undefined || begun - stamp < stampGrainMs ? undefined : stamp
  }
}

async function isWhole(folder: StoreFolder, manifest: Manifest): Promise<boolean> {
  const sizes = new Map<Sha256, number>()
  for (const [, { sha256 }] of filesOf(manifest)) {
    const found = await stat(folder.blob(sha256)).catch(() => undefined)
    if (found !== undefined) sizes.set(sha256, found.size)
  }
  return isComplete(manifest, sizes)
}

async function stampOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
