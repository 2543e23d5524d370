import { join } from 'node:path'
import type { Sha256 } from '../wire/sha256.ts'

/**
 * Where everything lies in the folder of a store:
 *
 *     blobs/00/00…                 a blob, by its digest
 *     manifests/NAME@VERSION.json  a version of an image
 *     incoming/DIGEST.part         a blob on its way in; `new-…` where the digest is not known
 *     pins/NAME@VERSION            a version that a person wants kept
 *     uses/ATTEMPT                 the version that a boot under way runs
 *     damaged/DIGEST               a blob that no longer had its digest
 *     lock                         shared by all who write, held alone by who sweeps
 */
export type StoreFolder = {
  readonly root: string
  readonly blobs: string
  readonly manifests: string
  readonly incoming: string
  readonly pins: string
  readonly uses: string
  readonly damaged: string
  readonly lock: string
  blob(sha256: Sha256): string
  manifest(version: string): string
}

export function storeFolder(folder: string): StoreFolder {
  const blobs = join(folder, 'blobs')
  const manifests = join(folder, 'manifests')
  return {
    root: folder,
    blobs,
    manifests,
    incoming: join(folder, 'incoming'),
    pins: join(folder, 'pins'),
    uses: join(folder, 'uses'),
    damaged: join(folder, 'damaged'),
    lock: join(folder, 'lock'),
    blob: (sha256) => join(blobs, sha256.slice(0, 2), sha256),
    manifest: (version) => join(manifests, `${version}.json`),
  }
}

/** What a blob on its way in is called, as long as nobody has finished it. */
export const partial = '.part'
export const partialLock = '.lock'
