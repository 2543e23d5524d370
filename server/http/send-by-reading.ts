import { read } from 'node:fs'
import { promisify } from 'node:util'
import type { Response } from 'express'

/** A part of an open file. */
export type FilePart = { readonly fd: number; readonly from: number; readonly length: number }

const readInto = promisify(read)

/** Says how much may go out when. */
export type Allowance = {
  /** More is never allowed at once (bytes). */
  readonly most: number
  /** Resolves, when it is this one's turn, with how many of the wanted bytes may go out: one or more. */
  take(wanted: number): Promise<number>
  /** Bytes that were allowed and did not go out. */
  giveBack(byteCount: number): void
}

/** Each transfer reads into a room of its own, over and over: fresh memory for each read costs more than the copy. */
const roomBytes = 256 * 1024

/** Sends a part of a file as the body of a response, read by read. Rejects when the connection breaks. */
export async function sendByReading(
  response: Response,
  part: FilePart,
  sent: (byteCount: number) => void,
  allowance?: Allowance,
): Promise<void> {
  const room = Buffer.allocUnsafeSlow(Math.min(roomBytes, part.length))
  const end = part.from + part.length
  for (let at = part.from; at < end;) {
    const wanted = Math.min(room.length, end - at)
    const allowed = allowance === undefined ? wanted : await allowance.take(wanted)
    let count = 0
    try {
      const { bytesRead } = await readInto(part.fd, room, 0, allowed, at)
      if (bytesRead === 0) throw new Error('the file has become shorter')
      await written(response, room.subarray(0, bytesRead))
      count = bytesRead
    } finally {
      allowance?.giveBack(allowed - count)
    }
    sent(count)
    at += count
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
