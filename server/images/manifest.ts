import type { Sha256 } from '../wire/sha256.ts'

/** One version of an image: which blobs it consists of, and where it came from. It never changes once it is published. */
export type Manifest = {
  /** As the settings of a machine name it. */
  readonly name: string
  /** Unlike that of any other version of this name. */
  readonly version: string
  readonly architecture: Architecture
  readonly files: { readonly [role in ImageRole]?: ManifestFile }
  readonly origin: Origin
  /** Milliseconds since 1970-01-01 UTC. Of two versions the one published later is the newer. */
  readonly publishedAt: number
}

export type Architecture = 'amd64' | 'arm64'

/** What a file is for. */
export const imageRoles = ['kernel', 'initrd', 'squashfs', 'disk', 'iso', 'root', 'shim', 'grub'] as const
export type ImageRole = (typeof imageRoles)[number]

/** How its bytes are to be read. `plain`: as they are, for kernels, initrds and boot programs. */
export const imageForms = [
  'plain',
  'squashfs',
  'raw',
  'raw-zstd',
  'qcow2',
  'iso',
  'tar-gz',
  'tar-xz',
] as const
export type ImageForm = (typeof imageForms)[number]

export type ManifestFile = {
  readonly sha256: Sha256
  readonly byteCount: number
  readonly form: ImageForm
  /** Of a disk: how many bytes it has when it is written. */
  readonly unpackedByteCount?: number
}

export type Origin =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }
  /** Simplestreams: the base of the stream and the product in it. */
  | { readonly kind: 'stream'; readonly url: string; readonly product: string }

/** A version in one word, as commands and URLs have it: `noble@20260401`. */
export function versionName({ name, version }: Pick<Manifest, 'name' | 'version'>): string {
  return `${name}@${version}`
}

/** The files of a version with what each is for. */
export function filesOf({ files }: Manifest): readonly (readonly [ImageRole, ManifestFile])[] {
  return imageRoles.flatMap((role) => {
    const file = files[role]
    return file === undefined ? [] : [[role, file] as const]
  })
}
