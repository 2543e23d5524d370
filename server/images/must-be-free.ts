import type { BlobStore } from './blob-store.ts'
import { ImageFault } from './image-fault.ts'
import { versionName, type Manifest } from './manifest.ts'

/** A version that is there already is told at once, and not after an hour of work. */
export async function mustBeFree(
  store: Pick<BlobStore, 'manifests'>,
  wanted: Pick<Manifest, 'name' | 'version'>,
): Promise<void> {
  const version = versionName(wanted)
  if (!(await store.manifests()).some((one) => versionName(one) === version)) return
  throw new ImageFault('exists', `${version} is there already`, {
    nextStep: 'Give this one another version, with --version; a version never changes.',
  })
}
