import { open } from 'node:fs/promises'

/** The first bytes of a file; fewer when it is shorter. */
export async function readHead(path: string, byteCount: number): Promise<Uint8Array> {
  await using file = await open(path, 'r')
  return await readPart(file, 0, byteCount)
}

/** Bytes from the middle of an open file; fewer at its end. */
export async function readPart(
  file: {
    read(
      into: Uint8Array,
      offset: number,
      length: number,
      position: number,
    ): Promise<{ readonly bytesRead: number }>
  },
  offset: number,
  byteCount: number,
): Promise<Uint8Array> {
  const room = new Uint8Array(byteCount)
  let have = 0
  while (have < byteCount) {
    const { bytesRead } = await file.read(room, have, byteCount - have, offset + have)
    if (bytesRead === 0) break
    have += bytesRead
  }
  return room.subarray(0, have)
}
