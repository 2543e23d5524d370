import { node } from 'koffi'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorName, libc } from './libc.ts'

/** A part of an open file. */
export type FilePart = { readonly fd: number; readonly from: number; readonly length: number }

/** A client that takes nothing for so long is cut off. */
const stallLimitMs = 30_000
/** So much at a time goes to one client, before others have their turn (bytes). */
const turn = 1024 * 1024

/**
 * Sends a part of a file as the body of a response, from the kernel's cache to the socket, without a copy through this
 * program. Resolves to false, with nothing sent, where that cannot be done here. Rejects when the connection breaks.
 */
export async function sendFile(
  response: ServerResponse,
  part: FilePart,
  sent: (byteCount: number) => void,
): Promise<boolean> {
  response.flushHeaders()
  const { socket } = response
  // A response that waits for its turn on the connection has no socket yet; headers that wait must leave before the body.
  if (socket === null || socket.writableLength > 0) return false
  const connection = descriptorOf(socket)
  if (connection === undefined) return false
  // Node watches its descriptor itself, and two watchers cannot share a number. It also keeps the number from being given
  // to another connection while this one is being closed.
  const out = libc().dup(connection)
  if (out < 0) return false
  const offset = new Uint8Array(8)
  new DataView(offset.buffer).setBigInt64(0, BigInt(part.from), true)
  let left = part.length
  try {
    await new Promise<void>((resolve, reject) => {
      let poll: node.PollHandle | undefined
      let over = false
      const end = (error?: Error): void => {
        over = true
        clearTimeout(stalled)
        poll?.close()
        response.removeListener('close', closed)
        if (error === undefined) resolve()
        else reject(error)
      }
      const closed = (): void => end(new Error('the client hung up'))
      const stalled = setTimeout(
        () => end(new Error(`the client has taken nothing for ${stallLimitMs / 1000} s`)),
        stallLimitMs,
      )
      const step = (): void => {
        const count = libc().sendfile(out, part.fd, offset, Math.min(left, turn))
        if (count > 0) {
          left -= count
          sent(count)
          stalled.refresh()
          if (left === 0) end()
          return
        }
        if (count === 0) return end(new Error('the file has become shorter'))
        const code = errorName(libc().errno())
        if (code !== 'EAGAIN' && code !== 'EINTR') end(new Error(`the connection broke (${code})`))
      }
      response.once('close', closed)
      step()
      if (!over) poll = node.poll(out, { writable: true }, step)
    })
  } finally {
    libc().close(out)
  }
  return true
}

/**
 * The number of a connection's descriptor. Node has no documented way to it; where this one is gone, the body goes the
 * ordinary way.
 */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
  return typeof fd === 'number' && fd >= 0 ? fd : undefined
}
