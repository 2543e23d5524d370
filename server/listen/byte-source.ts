import type { OnReadOpts, Socket } from 'node:net'
import { ReadingRoom } from './reading-room.ts'

/**
 * The bytes that come in on a connection, piece by piece. Reading stands still until the next piece is asked for, so one
 * room is enough however much comes: each piece is good until then.
 */
export class ByteSource {
  readonly #silenceMs: number
  readonly #silent: () => Error
  readonly #room = new ReadingRoom()
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
      buffer: () => this.#room.next(),
      callback: (byteCount) => {
        this.#room.came(byteCount)
        this.#waiting?.resolve()
        // TLS goes on for the records that it has read already.
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
    return this.#kept ?? this.#room.take()
  }

  /** The next piece, or `undefined` at the end. Rejects when the connection breaks, or when nothing comes for too long. */
  async next(): Promise<Uint8Array | undefined> {
    const kept = this.#kept
    this.#kept = undefined
    if (kept !== undefined) return kept
    let piece = this.#room.take()
    if (piece === undefined && !this.#ended) {
      await this.#more()
      piece = this.#room.take()
    }
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

  readonly #takeData = (bytes: Buffer): void => {
    this.#socket?.pause()
    this.#room.add(bytes)
    this.#waiting?.resolve()
  }

  #over(fault: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#fault = fault
    this.#waiting?.resolve()
  }
}
