import type { Sha256 } from '../wire/sha256.ts'
import { filesOf, type Manifest } from './manifest.ts'

const inNumbers = new Intl.Collator('en', { numeric: true })

/** Versions of one image, the one published last first; of two from the same moment, the one whose number is greater. */
export function newestFirst(versions: readonly Manifest[]): readonly Manifest[] {
  return versions.toSorted(
    (a, b) => b.publishedAt - a.publishedAt || inNumbers.compare(b.version, a.version) || order(b, a),
  )
}

function order(a: Manifest, b: Manifest): number {
  return a.version < b.version ? -1 : Number(a.version > b.version)
}

/** Whether every file of a version is there, by the sizes of the blobs in the store. */
export function isComplete(manifest: Manifest, sizes: ReadonlyMap<Sha256, number>): boolean {
  return filesOf(manifest).every(([, { sha256, byteCount }]) => sizes.get(sha256) === byteCount)
}
