import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { copyIn } from '../images/copy-in.ts'
import type { ImageForm, ImageRole, ManifestFile } from '../images/manifest.ts'
import { openBlobStore } from '../images/open-blob-store.ts'
import type { Work } from '../images/work.ts'
import { lockFile } from '../store/file-lock.ts'
import { imageStoreName } from './image-shelf.ts'

/** Files that are to be one version of an image, by what each is for. */
export type PutFiles = {
  readonly [role in ImageRole]?: {
    readonly path: string
    readonly form: ImageForm
    /** Of a packed disk (bytes). */
    readonly unpackedByteCount?: number
  }
}

export type PutImage = {
  readonly name: string
  readonly version: string
  readonly files: PutFiles
  readonly now: () => number
}

/** Publishes files as they are, without a look into them, in the image store of a data folder; `ImageFault` where that cannot be. */
export async function putImage(dataFolder: string, { name, version, files, now }: PutImage): Promise<void> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 })
  using store = await openBlobStore(join(dataFolder, imageStoreName), { lock: lockFile })
  const put: { [role in ImageRole]?: ManifestFile } = {}
  for (const [role, { path, ...more }] of Object.entries(files)) {
    put[role as ImageRole] = { ...(await copyIn(store, path, quietly)), ...more }
  }
  const origin = { kind: 'file', path: Object.values(files)[0]?.path ?? '' } as const
  await store.publishManifest({
    name,
    version,
    architecture: 'amd64',
    files: put,
    origin,
    publishedAt: now(),
  })
}

const quietly: Work = { progress: () => {}, stop: new AbortController().signal }
