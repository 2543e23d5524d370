import { open, type FileHandle } from 'node:fs/promises'
import type { Sha256 } from '../wire/sha256.ts'
import type { BlobStore, Stored } from './blob-store.ts'
import { ImageFault } from './image-fault.ts'
import type { Extent } from './iso-9660.ts'
import type { Work } from './work.ts'

const pieceBytes = 1024 * 1024

/** Puts a file into the store as it is. */
export async function copyIn(store: BlobStore, path: string, work: Work, sha256?: Sha256): Promise<Stored> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  // What was fetched for this lies there already.
  if (sha256 !== undefined && path === store.pathOf(sha256)) return { sha256, byteCount: size }
  return await copyExtent(store, file, { offset: 0, byteCount: size }, work, sha256)
}

/** Puts a part of an open file into the store. */
export async function copyExtent(
  store: BlobStore,
  file: FileHandle,
  { offset, byteCount }: Extent,
  work: Work,
  sha256?: Sha256,
): Promise<Stored> {
  const receiving = await store.receive({ sha256, byteCount })
  try {
    const room = Buffer.allocUnsafeSlow(pieceBytes)
    for (let done = receiving.have; done < byteCount;) {
      work.stop.throwIfAborted()
      const { bytesRead } = await file.read(room, 0, Math.min(pieceBytes, byteCount - done), offset + done)
      if (bytesRead === 0) throw new ImageFault('wrong-size', 'the file ends before it should')
      await receiving.write(room.subarray(0, bytesRead))
      done += bytesRead
      work.progress('copy', done, byteCount)
    }
    return await receiving.publish()
  } catch (error) {
    await receiving.discard()
    throw error
  }
}
