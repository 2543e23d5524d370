import { fileTrouble } from '../wire/file-trouble.ts'
import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import type { BlobStore } from '../images/blob-store.ts'
import { longestKeyring } from '../images/keyring.ts'
import { loadCatalogue } from '../images/load-catalogue.ts'
import { syncImages, type SyncTools } from '../images/sync-images.ts'
import type { SyncOutcome } from '../images/sync-report.ts'
import { UpstreamFault } from '../images/upstream-fault.ts'
import { fetchTools, type FetchParts } from './fetch-tools.ts'

export type SyncParts = Pick<SyncTools, 'prepare' | 'report'> &
  FetchParts & {
    readonly store: BlobStore
    /** Names of images; absent, those of the settings. */
    readonly images?: readonly string[]
  }

/** Brings what the settings ask for from the upstreams into the store, and says what came of it. */
export async function syncFromUpstreams({ imageSync }: Config, parts: SyncParts): Promise<SyncOutcome> {
  const upstreams = await loadCatalogue(imageSync)
  const { images = imageSync.images, store, prepare, report } = parts
  return await syncImages(
    { upstreams, images, versions: imageSync.versions },
    {
      store,
      prepare,
      report,
      downloads: imageSync.downloads,
      readKeyring,
      ...fetchTools(imageSync, parts),
    },
  )
}

async function readKeyring(file: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(file)
    if (bytes.length <= longestKeyring) return bytes
    throw new UpstreamFault('malformed', `The keyring ${file} has more than ${longestKeyring} bytes.`)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    const because = `The keyring ${file} cannot be read: ${fileTrouble(error)}.`
    throw new UpstreamFault('malformed', because, { cause: error })
  }
}
