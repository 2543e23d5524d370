import { statfs } from 'node:fs/promises'
import { ImageFault } from './image-fault.ts'

/** What the disk of a store must keep free: the records lie on it too, and a full disk stops those. */
export const defaultReserveBytes = 1024 * 1024 * 1024

/** The room on the disk of a store, and what of it is promised to blobs on their way in. */
export class Room {
  readonly #folder: string
  readonly #reserveBytes: number
  #promised = 0

  constructor(folder: string, reserveBytes: number) {
    this.#folder = folder
    this.#reserveBytes = reserveBytes
  }

  /** Sets room aside for as long as the claim is held, or rejects when there is not that much. */
  async claim(byteCount: number): Promise<Claim> {
    this.#promised += byteCount
    let left = byteCount
    const give = (bytes: number): void => {
      const given = Math.min(bytes, left)
      left -= given
      this.#promised -= given
    }
    try {
      await this.look()
    } catch (error) {
      give(left)
      throw error
    }
    return { written: give, [Symbol.dispose]: () => give(left) }
  }

  /** Rejects when what is promised no longer fits, since others write to the disk as well. */
  async look(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder)
    const free = bavail * bsize - this.#reserveBytes
    if (free >= this.#promised) return
    throw new ImageFault(
      'no-room',
      `the disk of ${this.#folder} has room for ${megabytes(Math.max(0, free))} beside the ${megabytes(this.#reserveBytes)} that stay free, and ${megabytes(this.#promised)} are to come`,
      { nextStep: 'Make room there, or remove versions that are no longer wanted: ironwake images list' },
    )
  }
}

export type Claim = Disposable & {
  /** Bytes that were promised and are now on the disk. */
  written(byteCount: number): void
}

function megabytes(byteCount: number): string {
  return `${Math.ceil(byteCount / 1_048_576)} MiB`
}
