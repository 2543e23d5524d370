import { createHash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { BlobStore } from '../../server/images/blob-store.ts'
import type { Manifest, ManifestFile } from '../../server/images/manifest.ts'
import type { ImageFault } from '../../server/images/image-fault.ts'
import { openBlobStore, type StoreTools } from '../../server/images/open-blob-store.ts'
import { lockFile } from '../../server/store/file-lock.ts'
import { parseSha256, type Sha256 } from '../../server/wire/sha256.ts'

/** The smallest reserve lets the tests run on a disk that is nearly full. */
export const tools: StoreTools = { lock: lockFile, reserveBytes: 0 }

export async function aStore(path: string, other: Partial<StoreTools> = {}): Promise<BlobStore & Disposable> {
  return await openBlobStore(path, { ...tools, ...other })
}

export function someBytes(byteCount: number): Buffer {
  return randomBytes(byteCount)
}

export function digestOf(bytes: Uint8Array): Sha256 {
  return parseSha256(createHash('sha256').update(bytes).digest('hex'))!
}

/** Receives bytes whole and publishes them. */
export async function put(store: BlobStore, bytes: Uint8Array): Promise<ManifestFile> {
  const receiving = await store.receive({ sha256: digestOf(bytes), byteCount: bytes.length })
  await receiving.write(bytes.subarray(receiving.have))
  return { ...(await receiving.publish()), form: 'plain' }
}

export function aManifest(files: Manifest['files'], other: Partial<Manifest> = {}): Manifest {
  return {
    name: 'noble',
    version: '20260401',
    architecture: 'amd64',
    files,
    origin: { kind: 'stream', url: 'https://images.example/', product: 'noble' },
    publishedAt: 1_000,
    ...other,
  }
}

/** Asserts that what was asked ends in a fault of this kind, with these words. */
export async function refuses(
  t: Test,
  asked: Promise<unknown>,
  fault: { readonly [part in keyof Pick<ImageFault, 'kind' | 'message' | 'nextStep'>]?: string | RegExp },
): Promise<void> {
  const error: unknown = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.match(error, { name: 'ImageFault', ...fault })
}
