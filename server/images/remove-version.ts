import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageFault } from './image-fault.ts'
import { ImageUses } from './image-uses.ts'
import { partial, storeFolder } from './store-folder.ts'
import { syncFolder } from './sync-folder.ts'

/**
 * Takes a version away; its blobs go with the next sweep, unless another version has them too. A boot first notes what it
 * runs and then looks whether it is there, so here it is first taken away and then looked whether a boot runs it: one of the
 * two sees the other.
 */
export async function removeVersion(path: string, version: string): Promise<void> {
  const folder = storeFolder(path)
  await mkdir(folder.incoming, { recursive: true })
  const aside = join(folder.incoming, `new-${randomUUID()}${partial}`)
  await rename(folder.manifest(version), aside)
  if (new ImageUses(path).versions().has(version)) {
    await rename(aside, folder.manifest(version))
    throw new ImageFault('in-use', `a machine is booting ${version} just now`, {
      nextStep: 'Try again when it has started: ironwake machines list',
    })
  }
  await syncFolder(folder.manifests)
  await rm(aside, { force: true })
}
