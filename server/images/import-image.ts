import { stat } from 'node:fs/promises'
import type { Sha256 } from '../wire/sha256.ts'
import type { BlobStore } from './blob-store.ts'
import { copyIn } from './copy-in.ts'
import { hashFile } from './hash-file.ts'
import { ImageFault } from './image-fault.ts'
import { kernelArchitecture } from './kernel-architecture.ts'
import type { Architecture, Manifest, Origin } from './manifest.ts'
import { mustBeFree } from './must-be-free.ts'
import { prepareDisk, prepareImage } from './prepare-image.ts'
import { readHead } from './read-head.ts'
import { surveyArchive } from './survey-archive.ts'
import { tellForm, tellingBytes } from './tell-form.ts'
import { unpackNetboot } from './unpack-netboot.ts'
import type { Work } from './work.ts'

/** An image that a person brings, in a file. */
export type ImportOrder = {
  readonly path: string
  readonly origin: Origin
  readonly name: string
  readonly version: string
  /** Of the whole file, where its maker told it. */
  readonly sha256: Sha256 | undefined
  /** To go with a squashfs, which has none that a machine could start. */
  readonly kernel: string | undefined
  readonly initrd: string | undefined
  /** Where the files do not say. */
  readonly architecture: Architecture
  readonly now: () => number
}

/** Publishes an image of one's own, in whatever form it comes, and gives its manifest. */
export async function importImage(store: BlobStore, order: ImportOrder, work: Work): Promise<Manifest> {
  await mustBeFile(order.path)
  await mustBeFree(store, order)
  const brought = await filesFrom(store, order, work)
  const files = { ...brought.files, ...(await ownBootFiles(store, order, work)) }
  const { name, version, origin } = order
  const architecture = brought.architecture ?? order.architecture
  const prepared = await prepareImage(
    store,
    { name, version, architecture, files, origin, publishedAt: order.now() },
    work,
  )
  // What the kernel says counts more than what anybody says of it.
  const told = await architectureOf(store, prepared.files)
  const publishedAt = order.now()
  const manifest = { ...prepared, publishedAt, ...(told === undefined ? {} : { architecture: told }) }
  await store.publishManifest(manifest)
  return manifest
}

type Brought = { readonly files: Manifest['files']; readonly architecture?: Architecture }

async function filesFrom(store: BlobStore, order: ImportOrder, work: Work): Promise<Brought> {
  const { path, sha256 } = order
  const told = tellForm(await readHead(path, tellingBytes))
  if (told.kind === 'refused') {
    const { because, nextStep } = told
    throw new ImageFault('not-an-image', because, nextStep === undefined ? {} : { nextStep })
  }
  switch (told.form) {
    case 'qcow2':
    case 'raw': {
      await mustHaveDigest(store, order, work)
      return { files: { disk: await prepareDisk(store, { path, form: told.form }, work) } }
    }
    case 'squashfs':
      return { files: { squashfs: { ...(await copyIn(store, path, work, sha256)), form: 'squashfs' } } }
    case 'iso':
      return { files: { iso: { ...(await copyIn(store, path, work, sha256)), form: 'iso' } } }
    case 'gzip': {
      await mustHaveDigest(store, order, work)
      const archive = await surveyArchive(path, work)
      if (archive.kind === 'root') {
        return { files: { root: { ...(await copyIn(store, path, work, sha256)), form: 'tar-gz' } } }
      }
      const { architecture } = archive
      return { files: await unpackNetboot(store, path, architecture, work), architecture }
    }
  }
}

async function ownBootFiles(
  store: BlobStore,
  { kernel, initrd }: ImportOrder,
  work: Work,
): Promise<Pick<Manifest['files'], 'kernel' | 'initrd'>> {
  const plain = async (path: string) => ({ ...(await copyIn(store, path, work)), form: 'plain' as const })
  return {
    ...(kernel === undefined ? {} : { kernel: await plain(kernel) }),
    ...(initrd === undefined ? {} : { initrd: await plain(initrd) }),
  }
}

async function architectureOf(
  store: BlobStore,
  { kernel }: Manifest['files'],
): Promise<Architecture | undefined> {
  if (kernel === undefined) return undefined
  return kernelArchitecture(await readHead(store.pathOf(kernel.sha256), 4096))
}

async function mustHaveDigest(store: BlobStore, { path, sha256 }: ImportOrder, work: Work): Promise<void> {
  if (sha256 === undefined || path === store.pathOf(sha256)) return
  const found = await hashFile(path, work)
  if (found === sha256) return
  throw new ImageFault('wrong-digest', `the SHA-256 of the file is ${found}, and should be ${sha256}`, {
    nextStep: 'Fetch it once more, and compare with what its maker says.',
  })
}

async function mustBeFile(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return
  } catch (error) {
    const because =
      error instanceof Error && 'code' in error && error.code === 'ENOENT'
        ? 'there is no file'
        : 'it cannot be read:'
    throw new ImageFault('not-an-image', `${because} ${path}`, { cause: error })
  }
  throw new ImageFault('not-an-image', `${path} is not a file`)
}
