import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { parseSha256, type Sha256 } from '../wire/sha256.ts'
import type { Work } from './work.ts'

const pieceBytes = 1024 * 1024

/** The digest of a file, as it lies on the disk now. */
export async function hashFile(path: string, work: Work): Promise<Sha256> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const hash = createHash('sha256')
  const room = Buffer.allocUnsafeSlow(pieceBytes)
  for (let done = 0; ;) {
    work.stop.throwIfAborted()
    const { bytesRead } = await file.read(room, 0, room.length, done)
    if (bytesRead === 0) break
    hash.update(room.subarray(0, bytesRead))
    done += bytesRead
    work.progress('check', done, size)
  }
  const digest = parseSha256(hash.digest('hex'))
  if (digest === undefined) throw new Error('a hash has no digest')
  return digest
}
