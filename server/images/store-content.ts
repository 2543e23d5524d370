import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseSha256 } from '../wire/sha256.ts'
import { ImageUses } from './image-uses.ts'
import { isMissing, namesIn } from './names-in.ts'
import { readManifests, type ReadManifests } from './read-manifests.ts'
import { partial, type StoreFolder } from './store-folder.ts'
import type { StoredBlob, Unfinished } from './sweep.ts'

export type StoreContent = ReadManifests & {
  readonly blobs: readonly StoredBlob[]
  readonly unfinished: readonly Unfinished[]
  readonly pinned: ReadonlySet<string>
  /** Versions that boots under way run. */
  readonly running: ReadonlySet<string>
}

/** All that lies in a store, as it is just now. */
export async function storeContent(folder: StoreFolder): Promise<StoreContent> {
  // Manifests first: what is published meanwhile may be missing among them, but never a blob of those that are there.
  const read = await readManifests(folder)
  return {
    ...read,
    blobs: await blobsIn(folder),
    unfinished: await unfinishedIn(folder),
    pinned: new Set(await namesIn(folder.pins)),
    running: new ImageUses(folder.root).versions(),
  }
}

async function blobsIn(folder: StoreFolder): Promise<readonly StoredBlob[]> {
  const blobs: StoredBlob[] = []
  for (const shelf of await namesIn(folder.blobs)) {
    for (const name of await namesIn(join(folder.blobs, shelf))) {
      const sha256 = parseSha256(name)
      const found = sha256 === undefined ? undefined : await factsOf(folder.blob(sha256))
      if (sha256 !== undefined && found !== undefined) blobs.push({ sha256, ...found })
    }
  }
  return blobs
}

async function unfinishedIn(folder: StoreFolder): Promise<readonly Unfinished[]> {
  const unfinished: Unfinished[] = []
  for (const file of await namesIn(folder.incoming)) {
    if (!file.endsWith(partial)) continue
    const found = await factsOf(join(folder.incoming, file))
    const sha256 = parseSha256(file.slice(0, -partial.length))
    if (found !== undefined) unfinished.push({ file, sha256, ...found })
  }
  return unfinished
}

async function factsOf(
  path: string,
): Promise<{ readonly byteCount: number; readonly modifiedAt: number } | undefined> {
  try {
    const { size, mtimeMs } = await stat(path)
    return { byteCount: size, modifiedAt: mtimeMs }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
