import type { Config } from '../config/config.ts'
import type { Manifest } from '../images/manifest.ts'
import { prepareImage } from '../images/prepare-image.ts'
import type { SyncOutcome } from '../images/sync-report.ts'
import type { Work } from '../images/work.ts'
import { openImageStore } from './image-store.ts'
import { syncFromUpstreams, type SyncParts } from './sync-from-upstreams.ts'

/** Fetches what the settings ask for, or the images named, and makes it ready for machines. */
export async function syncImageStore(
  config: Config,
  parts: Omit<SyncParts, 'store' | 'prepare'> & { readonly work: Work },
): Promise<SyncOutcome> {
  using store = await openImageStore(config)
  const prepare = async (fetched: Manifest): Promise<Manifest> =>
    await prepareImage(store, fetched, parts.work)
  return await syncFromUpstreams(config, { ...parts, store, prepare })
}
