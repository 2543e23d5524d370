import { open } from 'node:fs/promises'
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib'
import type { BlobStore, Receiving, Stored } from './blob-store.ts'
import type { Work } from './work.ts'

/** docs/decisions/0022: no level is slower to unpack, and above this one the bytes saved are few. */
const level = 9
const pieceBytes = 256 * 1024

/** Puts the disk in a raw file into the store in the form that machines unpack onto their disks. */
export async function compressDisk(store: BlobStore, path: string, work: Work): Promise<Stored> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const receiving = await store.receive({ sha256: undefined, byteCount: undefined })
  try {
    const zstd = createZstdCompress({
      chunkSize: pieceBytes,
      // Into the header of the frame, so that who unpacks it knows how much is to come.
      pledgedSrcSize: size,
      params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    })
    const received = receive(zstd, receiving)
    try {
      // One room for all that is read: the packer is done with it when it calls back.
      const room = Buffer.allocUnsafeSlow(pieceBytes)
      for (let from = 0; from < size;) {
        work.stop.throwIfAborted()
        const { bytesRead } = await file.read(room, 0, pieceBytes, from)
        if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`)
        from += bytesRead
        await Promise.race([packed(zstd, room.subarray(0, bytesRead)), received])
        work.progress('compress', from, size)
      }
      zstd.end()
    } catch (error) {
      zstd.destroy()
      await received.catch(() => {})
      throw error
    }
    await received
    return await receiving.publish()
  } catch (error) {
    await receiving.discard()
    throw error
  }
}

async function receive(packed: AsyncIterable<Uint8Array>, receiving: Receiving): Promise<void> {
  for await (const bytes of packed) await receiving.write(bytes)
}

async function packed(zstd: ZstdCompress, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    zstd.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
