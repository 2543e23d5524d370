import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageReference } from '../config/image-name.ts'
import type { LockFile } from './lock-file.ts'
import { namesIn } from './names-in.ts'
import { storeContent } from './store-content.ts'
import { partialLock, storeFolder, type StoreFolder } from './store-folder.ts'
import { sweep, type Sweep, type SweepRules } from './sweep.ts'
import { syncFolder } from './sync-folder.ts'

export type Swept =
  | {
      readonly kind: 'swept'
      readonly sweep: Sweep
      /** Manifests that cannot be read; while there are any, no blob is deleted. */
      readonly unreadable: readonly { readonly path: string; readonly because: string }[]
    }
  | { readonly kind: 'put-off'; readonly because: string }

/** Deletes what nobody needs, while nobody puts anything in. */
export async function sweepStore(
  path: string,
  order: {
    readonly lock: LockFile
    readonly wanted: readonly ImageReference[]
    readonly rules: SweepRules
  },
): Promise<Swept> {
  const folder = storeFolder(path)
  // No store yet.
  if ((await namesIn(path)).length === 0) {
    return { kind: 'swept', sweep: { versions: [], blobs: [], unfinished: [] }, unreadable: [] }
  }
  using held = order.lock(folder.lock, 'exclusive')
  if (held === undefined) {
    return {
      kind: 'put-off',
      because: 'an import or a sync is under way; what goes is chosen when it is over',
    }
  }
  const content = await storeContent(folder)
  const chosen = sweep(
    {
      ...content,
      someUnreadable: content.unreadable.length > 0,
      wanted: order.wanted,
    },
    order.rules,
  )
  await remove(folder, chosen)
  return { kind: 'swept', sweep: chosen, unreadable: content.unreadable }
}

/** Versions before their blobs: one that is known must be whole, whenever this ends. */
async function remove(folder: StoreFolder, { versions, blobs, unfinished }: Sweep): Promise<void> {
  for (const version of versions) await rm(folder.manifest(version), { force: true })
  if (versions.length > 0) await syncFolder(folder.manifests)
  for (const { sha256 } of blobs) await rm(folder.blob(sha256), { force: true })
  for (const { file } of unfinished) await rm(join(folder.incoming, file), { force: true })
  // Nobody receives now, so nobody holds one.
  for (const name of await namesIn(folder.incoming)) {
    if (name.endsWith(partialLock)) await rm(join(folder.incoming, name), { force: true })
  }
}
