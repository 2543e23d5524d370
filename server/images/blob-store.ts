import type { Sha256 } from '../wire/sha256.ts'
import type { Manifest } from './manifest.ts'

/** What is known of a blob before its bytes come. Without a digest it gets the one it turns out to have. */
export type Expected = { readonly sha256: Sha256 | undefined; readonly byteCount: number | undefined }

/** A blob that is in the store. */
export type Stored = { readonly sha256: Sha256; readonly byteCount: number }

/** One blob on its way in. What came of it outlives the program, so that a later try can go on. */
export type Receiving = {
  /** Bytes that are there from an earlier try, already hashed: go on from here. */
  readonly have: number
  /** Refuses more bytes than are expected, and more than the disk has room for. */
  write(bytes: Uint8Array): Promise<void>
  /** Drops what is there, for a server that cannot go on where it stopped. */
  restart(): Promise<void>
  /** Puts the blob into the store when size and digest are right; else it is discarded, and an `ImageFault` says why. */
  publish(): Promise<Stored>
  /** Closes it and keeps what came, for a later `receive`. */
  pause(): Promise<void>
  /** Closes it and deletes what came. */
  discard(): Promise<void>
}

/** A file that lives as long as some work. */
export type Scratch = AsyncDisposable & {
  readonly path: string
  /** It is written now: what it takes is taken, and the room set aside for it is free again. */
  written(): void
}

/**
 * Blobs by their digest and manifests that name them, in one folder. While a store is open nothing is swept in it, by
 * whatever process; several processes may have it open.
 */
export type BlobStore = {
  has(sha256: Sha256): Promise<boolean>
  /** Rejects with an `ImageFault` when the disk has no room, or when somebody else receives the same blob. */
  receive(expected: Expected): Promise<Receiving>
  pathOf(sha256: Sha256): string
  /** A name for a file that a tool of the distribution writes; so much room is set aside, and it is deleted at the end. */
  scratch(byteCount: number): Promise<Scratch>
  /** Rejects with an `ImageFault` when a blob is missing, or when the version is there with other files. */
  publishManifest(manifest: Manifest): Promise<void>
  manifests(): Promise<readonly Manifest[]>
}
