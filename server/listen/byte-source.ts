import type { OnReadOpts, Socket } from 'node:net'

/** Large enough that a fast link fills it in one go; one for each connection, used again and again. */
const roomBytes = 256 * 1024

/**
 * The bytes that come in on a connection, piece by piece. Reading stands still until the next piece is asked for, so one
 * room is enough however much comes: each piece is good until then.
 */
export class ByteSource {
  readonly #silenceMs: number
  readonly #silent: () => Error
  #socket: Socket | undefined
  #kept: Uint8Array | undefined
  #ended = false
  #fault: unknown
  #waiting: PromiseWithResolvers<void> | undefined

  constructor(silenceMs: number, silent: () => Error) {
    this.#silenceMs = silenceMs
    this.#silent = silent
  }

  /** An option for connecting: bytes are then read into the one room instead of into new memory each time. */
  intoOneRoom(): OnReadOpts {
    return {
      buffer: Buffer.allocUnsafeSlow(roomBytes),
      callback: (byteCount, room) => {
        this.#came(room.subarray(0, byteCount))
        return false
      },
    }
  }

  /** Takes what this connection brings; without the option above, it brings it in memory of its own. */
  from(socket: Socket, bringing: 'into-one-room' | 'by-itself'): void {
    this.#socket = socket
    if (bringing === 'by-itself') socket.on('data', this.#takeData)
    socket.once('end', () => this.#over(undefined))
    socket.on('error', (error) => this.#over(error))
    socket.once('close', () => this.#over(undefined))
  }

  /** Lets go of the connection, for another to read it; gives what came and was not taken. */
  release(): Uint8Array | undefined {
    this.#socket?.off('data', this.#takeData)
    return this.#kept
  }

  readonly #takeData = (bytes: Buffer): void => {
    this.#socket?.pause()
    this.#came(bytes)
  }

  /** The next piece, or `undefined` at the end. Rejects when the connection breaks, or when nothing comes for too long. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#kept === undefined && !this.#ended) await this.#more()
    const piece = this.#kept
    this.#kept = undefined
    if (piece !== undefined) return piece
    if (this.#fault !== undefined) throw this.#fault
    return undefined
  }

  /** Gives back what was not used of the last piece. */
  unread(rest: Uint8Array): void {
    this.#kept = rest.length === 0 ? undefined : rest
  }

  async #more(): Promise<void> {
    const waiting = Promise.withResolvers<void>()
    this.#waiting = waiting
    const silence = setTimeout(() => this.#over(this.#silent()), this.#silenceMs)
    this.#socket?.resume()
    try {
      await waiting.promise
    } finally {
      clearTimeout(silence)
    }
  }

  #came(piece: Uint8Array): void {
    this.#kept = piece
    this.#waiting?.resolve()
  }

  #over(fault: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#fault = fault
    this.#waiting?.resolve()
  }
}
