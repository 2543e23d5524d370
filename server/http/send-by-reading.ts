import { read } from 'node:fs'
import { promisify } from 'node:util'
import type { Response } from 'express'

/** A part of an open file. */
export type FilePart = { readonly fd: number; readonly from: number; readonly length: number }

const readInto = promisify(read)

/** Each transfer reads into a room of its own, over and over: fresh memory for each read costs more than the copy. */
const roomBytes = 256 * 1024

/** Sends a part of a file as the body of a response, read by read. Rejects when the connection breaks. */
export async function sendByReading(
  response: Response,
  part: FilePart,
  sent: (byteCount: number) => void,
): Promise<void> {
  const room = Buffer.allocUnsafeSlow(Math.min(roomBytes, part.length))
  const end = part.from + part.length
  for (let at = part.from; at < end;) {
    const { bytesRead } = await readInto(part.fd, room, 0, Math.min(room.length, end - at), at)
    if (bytesRead === 0) throw new Error('the file has become shorter')
    await written(response, room.subarray(0, bytesRead))
    sent(bytesRead)
    at += bytesRead
  }
}

/** Resolves when the kernel has taken the bytes, so that their room is free again. */
async function written(response: Response, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const closed = (): void => reject(new Error('the client hung up'))
    if (response.destroyed) return closed()
    response.once('close', closed)
    response.write(bytes, (error) => {
      response.removeListener('close', closed)
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })
}
