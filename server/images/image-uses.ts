import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from './names-in.ts'
import { storeFolder, type StoreFolder } from './store-folder.ts'
import { writeWhole } from './write-whole.ts'

/**
 * Which version each boot under way runs. They lie in the folder of the store, so that a sweep by another process, and the
 * appliance after it was started again, know of them.
 */
export class ImageUses {
  readonly #folder: StoreFolder
  readonly #versions: Map<string, string>

  constructor(path: string) {
    this.#folder = storeFolder(path)
    this.#versions = usesIn(this.#folder)
  }

  versionOf(attempt: string): string | undefined {
    return this.#versions.get(attempt)
  }

  versions(): ReadonlySet<string> {
    return new Set(this.#versions.values())
  }

  /** From now on until it ends, this boot runs this version. Resolves when every sweep knows. */
  async begin(attempt: string, version: string): Promise<void> {
    if (this.#versions.get(attempt) === version) return
    this.#versions.set(attempt, version)
    await writeWhole(this.#folder, join(this.#folder.uses, attempt), `${version}\n`)
  }

  /** Forgets the boots that are no longer under way. */
  async endAllBut(isUnderWay: (attempt: string) => boolean): Promise<void> {
    for (const attempt of this.#versions.keys()) {
      if (isUnderWay(attempt)) continue
      this.#versions.delete(attempt)
      await rm(join(this.#folder.uses, attempt), { force: true })
    }
  }
}

/** Read when the appliance starts, before it serves anybody: no more than one small file for each boot under way. */
function usesIn({ uses }: StoreFolder): Map<string, string> {
  try {
    return new Map(
      readdirSync(uses).map((attempt) => [attempt, readFileSync(join(uses, attempt), 'utf8').trim()]),
    )
  } catch (error) {
    if (isMissing(error)) return new Map()
    throw error
  }
}
