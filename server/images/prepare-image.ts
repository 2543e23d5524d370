import { open } from 'node:fs/promises'
import type { BlobStore } from './blob-store.ts'
import { compressDisk } from './compress-disk.ts'
import { copyExtent } from './copy-in.ts'
import { ImageFault } from './image-fault.ts'
import { findInIso } from './iso-9660.ts'
import type { Manifest, ManifestFile } from './manifest.ts'
import { inspectQcow2, qcow2ToRaw } from './qcow2-to-raw.ts'
import { readPart } from './read-head.ts'
import type { Work } from './work.ts'

/**
 * Brings an image whose blobs are in the store into the form that machines take: a disk packed so that it can be written
 * while it comes, and beside an ISO the kernel and the initrd that belong to it.
 */
export async function prepareImage(store: BlobStore, manifest: Manifest, work: Work): Promise<Manifest> {
  const { disk, iso, kernel } = manifest.files
  let { files } = manifest
  if (disk?.form === 'qcow2' || disk?.form === 'raw') {
    const source = { path: store.pathOf(disk.sha256), form: disk.form }
    files = { ...files, disk: await prepareDisk(store, source, work) }
  }
  if (iso !== undefined && kernel === undefined) {
    files = { ...files, ...(await bootFilesOf(store, store.pathOf(iso.sha256), work)) }
  }
  return { ...manifest, files }
}

/** Puts a disk into the store in the form that machines write to their own. */
export async function prepareDisk(
  store: BlobStore,
  source: { readonly path: string; readonly form: 'qcow2' | 'raw' },
  work: Work,
): Promise<ManifestFile> {
  if (source.form === 'raw') {
    await using file = await open(source.path, 'r')
    const { size } = await file.stat()
    return { ...(await compressDisk(store, source.path, work)), form: 'raw-zstd', unpackedByteCount: size }
  }
  const { virtualBytes, allocatedBytes } = await inspectQcow2(source.path, work.stop)
  await using raw = await store.scratch(allocatedBytes)
  await qcow2ToRaw(source.path, raw.path, work)
  raw.written()
  const packed = await compressDisk(store, raw.path, work)
  return { ...packed, form: 'raw-zstd', unpackedByteCount: virtualBytes }
}

/** Where Ubuntu's media have them; both must come from the same medium (LP: #1969970). */
const bootFiles = { kernel: 'casper/vmlinuz', initrd: 'casper/initrd' } as const

async function bootFilesOf(
  store: BlobStore,
  path: string,
  work: Work,
): Promise<Pick<Manifest['files'], 'kernel' | 'initrd'>> {
  await using iso = await open(path, 'r')
  const { size } = await iso.stat()
  const copy = async (name: string): Promise<ManifestFile | undefined> => {
    const found = await findInIso(async (offset, byteCount) => await readPart(iso, offset, byteCount), name)
    if (found.kind === 'missing') return undefined
    if (found.kind === 'malformed') {
      throw new ImageFault('not-an-image', `the ISO cannot be read: ${found.because}`)
    }
    const { extent } = found
    if (extent.offset + extent.byteCount > size) {
      throw new ImageFault('not-an-image', `the ISO is cut off: it ends before ${name} does`)
    }
    return { ...(await copyExtent(store, iso, extent, work)), form: 'plain' }
  }
  const kernel = await copy(bootFiles.kernel)
  const initrd = await copy(bootFiles.initrd)
  if (kernel === undefined || initrd === undefined) {
    throw new ImageFault('not-an-image', `the ISO has no ${bootFiles.kernel} and ${bootFiles.initrd}`, {
      nextStep: 'Take the live server ISO of Ubuntu 22.04 or later: its installer boots from the network.',
    })
  }
  return { kernel, initrd }
}
