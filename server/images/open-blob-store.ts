import { randomUUID } from 'node:crypto'
import { mkdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BlobStore } from './blob-store.ts'
import { ImageFault } from './image-fault.ts'
import { acquire, type LockFile } from './lock-file.ts'
import { publishManifest } from './publish-manifest.ts'
import { readManifests } from './read-manifests.ts'
import { receiveBlob } from './receive-blob.ts'
import { defaultReserveBytes, Room } from './room.ts'
import { partial, partialLock, storeFolder } from './store-folder.ts'
import { syncFolder } from './sync-folder.ts'

export type StoreTools = {
  readonly lock: LockFile
  /** Absent, a GiB. */
  readonly reserveBytes?: number
}

/** Opens a store to put something into it, and makes it where there is none. */
export async function openBlobStore(
  path: string,
  { lock, reserveBytes = defaultReserveBytes }: StoreTools,
): Promise<BlobStore & Disposable> {
  const folder = storeFolder(path)
  for (const part of [folder.blobs, folder.manifests, folder.incoming]) {
    const made = await mkdir(part, { recursive: true })
    if (made !== undefined) await syncFolder(dirname(made))
  }
  await syncFolder(path)
  const room = new Room(path, reserveBytes)
  const held = await acquire(lock, folder.lock, 'shared')
  return {
    async has(sha256) {
      const found = await stat(folder.blob(sha256)).catch(() => undefined)
      return found?.isFile() === true
    },
    async receive(expected) {
      const name = expected.sha256 ?? fresh()
      const own = lock(join(folder.incoming, `${name}${partialLock}`), 'exclusive')
      if (own === undefined) {
        throw new ImageFault('in-use', `${name} is being received by another import or sync`, {
          nextStep: 'Wait until that one has ended, and try again.',
        })
      }
      return await receiveBlob({ folder, room, expected, name, lock: own })
    },
    pathOf: (sha256) => folder.blob(sha256),
    async scratch(byteCount) {
      const claim = await room.claim(byteCount)
      const scratch = join(folder.incoming, `${fresh()}${partial}`)
      return {
        path: scratch,
        written: () => claim[Symbol.dispose](),
        async [Symbol.asyncDispose]() {
          claim[Symbol.dispose]()
          await rm(scratch, { force: true })
        },
      }
    },
    publishManifest: async (manifest) => await publishManifest(folder, manifest, fresh()),
    manifests: async () => (await readManifests(folder)).manifests,
    [Symbol.dispose]: () => held[Symbol.dispose](),
  }
}

/** A name that no other try has. */
function fresh(): string {
  return `new-${randomUUID()}`
}
