import { node } from 'koffi'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorName, libc } from './libc.ts'
import { prepareImageSocket } from './prepare-image-socket.ts'

/** A part of an open file. */
export type FilePart = { readonly fd: number; readonly from: number; readonly length: number }

/** Says how much may go out when. */
export type Allowance = {
  /** More is never allowed at once (bytes). */
  readonly most: number
  /** Resolves, when it is this one's turn, with how many of the wanted bytes may go out: one or more. */
  take(wanted: number): Promise<number>
  /** Bytes that were allowed and did not go out. */
  giveBack(byteCount: number): void
}

/** A client that takes nothing for so long is cut off. */
const stallLimitMs = 30_000
/** What is asked of the kernel at once, which takes as much as there is room for: more than it ever has (bytes). */
const turn = 16 * 1024 * 1024

/**
 * Sends a part of a file as the body of a response, from the kernel's cache to the socket, without a copy through this
 * program. Resolves to false, with nothing sent, where that cannot be done here. Rejects when the connection breaks.
 */
export async function sendFile(
  response: ServerResponse,
  part: FilePart,
  sent: (byteCount: number) => void,
  allowance?: Allowance,
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
  using outlet = new Outlet(out, response)
  prepareImageSocket(out, allowance === undefined ? {} : { mostUnsent: allowance.most })
  const offset = new Uint8Array(8)
  new DataView(offset.buffer).setBigInt64(0, BigInt(part.from), true)
  for (let left = part.length; left > 0;) {
    const wanted = Math.min(left, turn)
    const allowed = allowance === undefined ? wanted : await allowance.take(wanted)
    let count = 0
    try {
      count = outlet.send(part.fd, offset, allowed)
    } finally {
      allowance?.giveBack(allowed - count)
    }
    left -= count
    if (count > 0) sent(count)
    // Without an allowance to wait for, other clients have their turn here.
    if (left > 0 && (count < allowed || allowance === undefined)) await outlet.writable()
  }
  return true
}

/** A connection's descriptor of our own, watched for room and for the client's going away. */
class Outlet implements Disposable {
  readonly #fd: number
  readonly #response: ServerResponse
  readonly #hungUp = (): void => this.#break(new Error('the client hung up'))
  readonly #stalled: NodeJS.Timeout
  #poll: node.PollHandle | undefined
  #isWatched = false
  #waiting: { readonly go: () => void; readonly fail: (error: Error) => void } | undefined
  #broken: Error | undefined

  constructor(fd: number, response: ServerResponse) {
    this.#fd = fd
    this.#response = response
    const because = `the client has taken nothing for ${stallLimitMs / 1000} s`
    this.#stalled = setTimeout(() => {
      if (this.#waiting === undefined) this.#stalled.refresh()
      else this.#break(new Error(because))
    }, stallLimitMs)
    response.once('close', this.#hungUp)
    if (response.destroyed) this.#hungUp()
  }

  /** Gives the kernel as much of the file as it has room for, at most `most`; returns how much that was. */
  send(file: number, offset: Uint8Array, most: number): number {
    if (this.#broken !== undefined) throw this.#broken
    const count = libc().sendfile(this.#fd, file, offset, most)
    if (count > 0) {
      this.#stalled.refresh()
      return count
    }
    if (count === 0) throw new Error('the file has become shorter')
    const code = errorName(libc().errno())
    if (code !== 'EAGAIN' && code !== 'EINTR') throw new Error(`the connection broke (${code})`)
    return 0
  }

  /** Resolves when the kernel has room again. */
  async writable(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    await new Promise<void>((go, fail) => {
      this.#waiting = { go, fail }
      this.#watch()
    })
  }

  /** The watch goes on as long as somebody waits by the time it has something to say: to begin anew costs two calls. */
  #watch(): void {
    if (this.#isWatched) return
    this.#isWatched = true
    const heard = (): void => {
      const { go } = this.#waiting ?? {}
      this.#waiting = undefined
      if (go !== undefined) go()
      else {
        this.#isWatched = false
        this.#poll?.stop()
      }
    }
    if (this.#poll === undefined) this.#poll = node.poll(this.#fd, { writable: true }, heard)
    else this.#poll.start({ writable: true }, heard)
  }

  #break(error: Error): void {
    this.#broken ??= error
    this.#waiting?.fail(this.#broken)
    this.#waiting = undefined
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#stalled)
    this.#response.removeListener('close', this.#hungUp)
    this.#poll?.close()
    libc().close(this.#fd)
  }
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
