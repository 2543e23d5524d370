import type { UpstreamBase } from '../config/upstream-base.ts'
import type { Architecture, ImageForm, ImageRole } from './manifest.ts'
import type { Release } from './release.ts'
import type { UpstreamPath } from './upstream-path.ts'

/** Who offers images, how to know that they are theirs, and which of them make an image here. */
export type Upstream = {
  readonly name: string
  /** Where its index and product lists begin. */
  readonly base: UpstreamBase
  /** Where the paths of its files begin. */
  readonly files: UpstreamBase
  /** `….sjson` is signed in itself, `….json` by a file `….json.gpg`. */
  readonly index: UpstreamPath
  /** The file with the keys that may sign, and which of them count; with none named, all. */
  readonly keyring: { readonly file: string; readonly fingerprints: readonly string[] }
  readonly images: readonly CatalogueImage[]
}

export type CatalogueImage = {
  /** A template: `ubuntu-{release}-{arch}`. */
  readonly name: string
  readonly about: string
  readonly architectures: readonly Architecture[]
  /** Absent where the image has nothing to do with a release. */
  readonly releases: { readonly from: Release; readonly to: Release | undefined } | undefined
  /** The content id of the stream (simplestreams). */
  readonly stream: string
  /** What the product must have, as templates. */
  readonly where: ReadonlyMap<string, string>
  readonly files: { readonly [role in ImageRole]?: CatalogueFile }
  /** What to do where the upstream has it not. */
  readonly instead: string | undefined
}

/** The name of the item in the stream, and how its bytes are to be read. */
export type CatalogueFile = { readonly item: string; readonly form: ImageForm }
