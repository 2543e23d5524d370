import { createHash, type Hash } from 'node:crypto'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Sha256 } from '../wire/sha256.ts'
import { parseSha256 } from '../wire/sha256.ts'
import type { Expected, Receiving, Stored } from './blob-store.ts'
import { ImageFault } from './image-fault.ts'
import type { Claim, Room } from './room.ts'
import { partial, type StoreFolder } from './store-folder.ts'
import { syncFolder } from './sync-folder.ts'

/** Small pieces are put together, so that each write is worth its way to the disk. */
const pieceBytes = 1024 * 1024
/** How often the room on the disk is looked at, since others write there too (bytes). */
const lookEachBytes = 64 * 1024 * 1024

export type ReceiveOrder = {
  readonly folder: StoreFolder
  readonly room: Room
  readonly expected: Expected
  /** The name of the unfinished file, without its ending. */
  readonly name: string
  /** Keeps others from the same file; let go at the end. */
  readonly lock: Disposable
}

/** Opens the unfinished file of a blob, hashes what is there, and takes what comes. */
export async function receiveBlob(order: ReceiveOrder): Promise<Receiving> {
  await using opened = new AsyncDisposableStack()
  opened.use(order.lock)
  const path = join(order.folder.incoming, `${order.name}${partial}`)
  const file = opened.use(await open(path, 'a+'))
  const before = await hashWhatIsThere(file, order.expected.byteCount)
  const rest = (order.expected.byteCount ?? before.have) - before.have
  const claim = opened.use(await order.room.claim(rest))
  return new BlobOnItsWay(order, path, { file, claim, resources: opened.move() }, before)
}

type Opened = {
  readonly file: FileHandle
  readonly claim: Claim
  readonly resources: AsyncDisposableStack
}

class BlobOnItsWay implements Receiving {
  readonly have: number
  readonly #order: ReceiveOrder
  readonly #path: string
  readonly #opened: Opened
  #hash: Hash
  #byteCount: number
  #lookAt: number
  /** Two rooms: one fills while the other is written. */
  #filling = Buffer.allocUnsafeSlow(pieceBytes)
  #spare = Buffer.allocUnsafeSlow(pieceBytes)
  #filled = 0
  #writing: Promise<unknown> = Promise.resolve()
  #writeFault: unknown
  #open = true

  constructor(order: ReceiveOrder, path: string, opened: Opened, before: Before) {
    this.#order = order
    this.#path = path
    this.#opened = opened
    this.have = before.have
    this.#hash = before.hash
    this.#byteCount = before.have
    this.#lookAt = before.have + lookEachBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#mustBeOpen()
    const { byteCount } = this.#order.expected
    if (byteCount !== undefined && this.#byteCount + bytes.length > byteCount) {
      throw new ImageFault('wrong-size', `more came than the ${byteCount} bytes that were announced`)
    }
    this.#hash.update(bytes)
    this.#byteCount += bytes.length
    for (let from = 0; from < bytes.length;) {
      const some = bytes.subarray(from, from + pieceBytes - this.#filled)
      this.#filling.set(some, this.#filled)
      this.#filled += some.length
      from += some.length
      if (this.#filled === pieceBytes) await this.#flush()
    }
    if (this.#byteCount < this.#lookAt) return
    this.#lookAt = this.#byteCount + lookEachBytes
    await this.#order.room.look()
  }

  async restart(): Promise<void> {
    this.#mustBeOpen()
    this.#filled = 0
    await this.#settled()
    await this.#opened.file.truncate(0)
    this.#hash = createHash('sha256')
    this.#byteCount = 0
    this.#lookAt = lookEachBytes
  }

  async publish(): Promise<Stored> {
    this.#mustBeOpen()
    await this.#flush()
    await this.#settled()
    const { expected, folder } = this.#order
    const sha256 = digestOf(this.#hash)
    const because = whyNot(expected, { sha256, byteCount: this.#byteCount })
    if (because !== undefined) {
      await this.discard()
      throw because
    }
    const { file } = this.#opened
    await file.sync()
    const to = folder.blob(sha256)
    await mkdir(dirname(to), { recursive: true })
    await rename(this.#path, to)
    // Nobody is to change it from now on, not even by mistake.
    await file.chmod(0o444)
    await syncFolder(dirname(to))
    await syncFolder(folder.blobs)
    await this.#close()
    return { sha256, byteCount: this.#byteCount }
  }

  async pause(): Promise<void> {
    if (!this.#open) return
    try {
      await this.#flush()
      await this.#settled()
    } finally {
      await this.#close()
    }
  }

  async discard(): Promise<void> {
    if (!this.#open) return
    await this.#settled().catch(() => {})
    await rm(this.#path, { force: true })
    await this.#close()
  }

  async #flush(): Promise<void> {
    await this.#settled()
    if (this.#filled === 0) return
    const piece = this.#filling.subarray(0, this.#filled)
    ;[this.#filling, this.#spare] = [this.#spare, this.#filling]
    this.#filled = 0
    this.#writing = this.#writeOut(piece).catch((error: unknown) => {
      this.#writeFault = error
    })
  }

  async #writeOut(piece: Uint8Array): Promise<void> {
    for (let from = 0; from < piece.length;) {
      const { bytesWritten } = await this.#opened.file.write(piece, from)
      from += bytesWritten
    }
    this.#opened.claim.written(piece.length)
  }

  /** Waits for the write that is under way. What went wrong with it holds for all that come after. */
  async #settled(): Promise<void> {
    await this.#writing
    if (this.#writeFault !== undefined) throw faultOf(this.#writeFault, this.#path)
  }

  async #close(): Promise<void> {
    this.#open = false
    await this.#opened.resources.disposeAsync()
  }

  #mustBeOpen(): void {
    if (!this.#open) throw new Error('this blob is closed')
  }
}

type Before = { readonly have: number; readonly hash: Hash }

/** More than is expected cannot be its beginning. */
async function hashWhatIsThere(file: FileHandle, byteCount: number | undefined): Promise<Before> {
  const hash = createHash('sha256')
  const { size } = await file.stat()
  if (size > (byteCount ?? Number.POSITIVE_INFINITY)) {
    await file.truncate(0)
    return { have: 0, hash }
  }
  const room = Buffer.allocUnsafeSlow(pieceBytes)
  let have = 0
  for (;;) {
    const { bytesRead } = await file.read(room, 0, room.length, have)
    if (bytesRead === 0) return { have, hash }
    hash.update(room.subarray(0, bytesRead))
    have += bytesRead
  }
}

function digestOf(hash: Hash): Sha256 {
  const digest = parseSha256(hash.digest('hex'))
  if (digest === undefined) throw new Error('a hash has no digest')
  return digest
}

function whyNot(expected: Expected, came: Stored): ImageFault | undefined {
  if (expected.byteCount !== undefined && expected.byteCount !== came.byteCount) {
    const because = `${came.byteCount} bytes came, and ${expected.byteCount} were announced`
    return new ImageFault('wrong-size', because)
  }
  if (expected.sha256 === undefined || expected.sha256 === came.sha256) return undefined
  return new ImageFault(
    'wrong-digest',
    `what came is not what was announced: its SHA-256 is ${came.sha256}, and should be ${expected.sha256}`,
  )
}

function faultOf(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') return error
  const nextStep = 'Make room there, or remove versions that are no longer wanted: ironwake images list'
  return new ImageFault('no-room', `the disk of ${path} is full`, { nextStep, cause: error })
}
