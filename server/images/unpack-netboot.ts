import type { BlobStore } from './blob-store.ts'
import { ImageFault } from './image-fault.ts'
import type { Architecture, ImageRole, Manifest, ManifestFile } from './manifest.ts'
import { netbootEntry } from './netboot-entry.ts'
import { walkTarGz } from './walk-tar-gz.ts'
import type { Work } from './work.ts'

/** The largest initrds have a quarter of it. */
const mostFileBytes = 1024 ** 3

/** Puts what a machine boots by out of Ubuntu's netboot tarball into the store. */
export async function unpackNetboot(
  store: BlobStore,
  path: string,
  architecture: Architecture,
  work: Work,
): Promise<Manifest['files']> {
  const files = new Map<ImageRole, ManifestFile>()
  await walkTarGz(
    path,
    async ({ name, size }, content) => {
      const entry = netbootEntry(name)
      if (entry?.architecture !== architecture) return
      if (size > mostFileBytes) throw new ImageFault('unsafe', `${name} in the archive is too large`)
      if (files.has(entry.role)) throw new ImageFault('unsafe', `${name} is in the archive twice`)
      const receiving = await store.receive({ sha256: undefined, byteCount: size })
      try {
        for await (const bytes of content) await receiving.write(bytes)
        files.set(entry.role, { ...(await receiving.publish()), form: 'plain' })
      } catch (error) {
        await receiving.discard()
        throw error
      }
    },
    work,
  )
  return Object.fromEntries(files)
}
