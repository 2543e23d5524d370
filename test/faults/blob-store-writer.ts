import { createCipheriv, createHash } from 'node:crypto'
import type { ManifestFile } from '../../server/images/manifest.ts'
import { openBlobStore } from '../../server/images/open-blob-store.ts'
import { sweepStore } from '../../server/images/sweep-store.ts'
import { lockFile } from '../../server/store/file-lock.ts'
import { parseSha256 } from '../../server/wire/sha256.ts'

// Puts versions of an image into a store, one after another, and sweeps between them. Prints the number of each version after
// it was published, and what it found of a blob that was broken off. Ends when it is killed.

const [path = '', first = '0'] = process.argv.slice(2)
const blobBytes = 5_000_000
const pieceBytes = 100_000
const tools = { lock: lockFile, reserveBytes: 0 }

process.stdout.write('open\n')
for (let number = Number(first); ; number++) {
  {
    using store = await openBlobStore(path, tools)
    const files: { [role: string]: ManifestFile } = {}
    for (const [index, role] of ['kernel', 'initrd', 'squashfs'].entries()) {
      const bytes = bytesOf(number * 10 + index)
      const sha256 = parseSha256(createHash('sha256').update(bytes).digest('hex'))
      if (sha256 === undefined) throw new Error('no digest')
      const form = 'plain' as const
      if (await store.has(sha256)) {
        files[role] = { sha256, byteCount: bytes.length, form }
        continue
      }
      const receiving = await store.receive({ sha256, byteCount: bytes.length })
      if (receiving.have > 0) process.stdout.write(`resumed ${receiving.have}\n`)
      for (let from = receiving.have; from < bytes.length; from += pieceBytes) {
        await receiving.write(bytes.subarray(from, from + pieceBytes))
      }
      files[role] = { ...(await receiving.publish()), form }
    }
    await store.publishManifest({
      name: 'noble',
      version: String(number),
      architecture: 'amd64',
      files,
      origin: { kind: 'stream', url: 'https://images.example/', product: 'noble' },
      publishedAt: number,
    })
    process.stdout.write(`published ${number}\n`)
  }
  const rules = { now: Date.now(), keep: 2, orphansKeptMs: 60_000, unfinishedKeptMs: 60_000 }
  await sweepStore(path, { lock: lockFile, wanted: [], rules })
}

/** Bytes that look like chance and are the same for the same number. */
function bytesOf(number: number): Buffer {
  const key = createHash('sha256').update(String(number)).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(blobBytes))
}
