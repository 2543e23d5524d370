import { mkdir, rename, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sha256 } from '../wire/sha256.ts'
import { hashFile } from './hash-file.ts'
import { acquire, type LockFile } from './lock-file.ts'
import { filesOf, versionName, type ImageRole, type Manifest } from './manifest.ts'
import { isMissing, namesIn } from './names-in.ts'
import { storeContent } from './store-content.ts'
import { storeFolder, type StoreFolder } from './store-folder.ts'
import { syncFolder } from './sync-folder.ts'
import type { Work } from './work.ts'

/** How the content of a store stands, after all of it was read. */
export type Verified = {
  readonly blobs: number
  readonly byteCount: number
  readonly versions: number
  /** Blobs that no longer have their digest, or cannot be read; they are set aside, so that no machine gets them. */
  readonly damaged: readonly { readonly sha256: Sha256; readonly because: string; readonly aside: string }[]
  /** What versions lack, those blobs included. */
  readonly lacking: readonly { readonly manifest: Manifest; readonly role: ImageRole }[]
  readonly unreadable: readonly { readonly path: string; readonly because: string }[]
}

/** Reads every blob and compares it with its digest. */
export async function verifyStore(path: string, lock: LockFile, work: Work): Promise<Verified> {
  const folder = storeFolder(path)
  if ((await namesIn(path)).length === 0) {
    return { blobs: 0, byteCount: 0, versions: 0, damaged: [], lacking: [], unreadable: [] }
  }
  using held = await acquire(lock, folder.lock, 'shared')
  void held
  const { blobs, manifests, unreadable } = await storeContent(folder)
  const byteCount = blobs.reduce((sum, blob) => sum + blob.byteCount, 0)
  const damaged: { sha256: Sha256; because: string; aside: string }[] = []
  let done = 0
  for (const blob of blobs) {
    const before = done
    const because = await whyDamaged(folder, blob.sha256, {
      ...work,
      progress: (step, hashed) => work.progress(step, before + hashed, byteCount),
    })
    done += blob.byteCount
    if (because !== undefined) {
      damaged.push({ sha256: blob.sha256, because, aside: await setAside(folder, blob.sha256) })
    }
  }
  const gone = new Set(damaged.map(({ sha256 }) => sha256))
  const sound = new Map(
    blobs.filter(({ sha256 }) => !gone.has(sha256)).map((blob) => [blob.sha256, blob.byteCount]),
  )
  const lacking = manifests.flatMap((manifest) =>
    filesOf(manifest)
      .filter(([, file]) => sound.get(file.sha256) !== file.byteCount)
      .map(([role]) => ({ manifest, role })),
  )
  return {
    blobs: blobs.length,
    byteCount,
    versions: new Set(manifests.map(versionName)).size,
    damaged,
    lacking,
    unreadable,
  }
}

async function whyDamaged(folder: StoreFolder, sha256: Sha256, work: Work): Promise<string | undefined> {
  try {
    const found = await hashFile(folder.blob(sha256), work)
    return found === sha256 ? undefined : `its SHA-256 is ${found}`
  } catch (error) {
    if (isMissing(error)) return undefined
    // EIO is the word of a disk that cannot read.
    if (error instanceof Error && 'code' in error && error.code === 'EIO') return 'the disk cannot read it'
    throw error
  }
}

async function setAside(folder: StoreFolder, sha256: Sha256): Promise<string> {
  await mkdir(folder.damaged, { recursive: true })
  const aside = join(folder.damaged, sha256)
  await rename(folder.blob(sha256), aside)
  await syncFolder(folder.damaged)
  await tellShelves(folder)
  return aside
}

/** Who holds the versions in memory looks at the time stamp of their folder. */
async function tellShelves({ manifests }: StoreFolder): Promise<void> {
  const { atime } = await stat(manifests)
  await utimes(manifests, atime, new Date())
}
