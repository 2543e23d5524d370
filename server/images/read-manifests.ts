import { fileTrouble } from '../wire/file-trouble.ts'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { versionName, type Manifest } from './manifest.ts'
import { isMissing, namesIn } from './names-in.ts'
import { parseManifest } from './parse-manifest.ts'
import type { StoreFolder } from './store-folder.ts'

export type ReadManifests = {
  readonly manifests: readonly Manifest[]
  /** What lies among them and cannot be read: nobody knows which blobs it names. */
  readonly unreadable: readonly { readonly path: string; readonly because: string }[]
}

/** All manifests of a store; a store that nothing was put into yet has none. */
export async function readManifests(folder: StoreFolder): Promise<ReadManifests> {
  const manifests: Manifest[] = []
  const unreadable: { path: string; because: string }[] = []
  for (const file of (await namesIn(folder.manifests)).toSorted()) {
    const path = join(folder.manifests, file)
    try {
      const parsed = parseManifest(await readFile(path, 'utf8'))
      if (parsed.kind === 'unreadable') unreadable.push({ path, because: parsed.because })
      else if (file !== `${versionName(parsed.manifest)}.json`) {
        unreadable.push({ path, because: `it is the manifest of ${versionName(parsed.manifest)}` })
      } else manifests.push(parsed.manifest)
    } catch (error) {
      // Removed since its name was read.
      if (isMissing(error)) continue
      unreadable.push({ path, because: fileTrouble(error) })
    }
  }
  return { manifests, unreadable }
}
