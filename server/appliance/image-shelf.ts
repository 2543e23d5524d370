import { join } from 'node:path'
import type { Intent } from '../boot/choose-script.ts'
import type { Config } from '../config/config.ts'
import { parseImageReference } from '../config/image-name.ts'
import { fileInFolder, type ImageFile } from '../http/image-files.ts'
import { filesOf, versionName, type ImageRole, type Manifest } from '../images/manifest.ts'
import { ManifestShelf } from '../images/manifest-shelf.ts'
import { servedFile, servedName } from '../images/served-name.ts'

/** Where the image store lies in the data folder. */
export const imageStoreName = 'images'

/** What an image must have to run from memory. */
const neededToRun: readonly ImageRole[] = ['kernel', 'initrd', 'squashfs']

/** What an image must have for its installer to run. */
const neededToInstall: readonly ImageRole[] = ['kernel', 'initrd', 'iso']

/** A packed disk: what it is called in URLs, and how many bytes it has packed and written. */
export type DiskFile = {
  readonly name: string
  readonly sha256: string
  readonly byteCount: number
  readonly unpackedByteCount: number
}

/** The images that machines can be given: folders of the settings, and what the store has. */
export class ImageShelf {
  readonly #folders: ReadonlyMap<string, string>
  readonly #store: ManifestShelf

  constructor({ images, dataFolder }: Pick<Config, 'images' | 'dataFolder'>) {
    this.#folders = new Map(images.map(({ name, folder }) => [name, folder]))
    this.#store = new ManifestShelf(join(dataFolder, imageStoreName))
  }

  /** Sees what came and went in the store; what is asked after holds for that moment. */
  async look(): Promise<void> {
    await this.#store.look()
  }

  /** What a name in the settings means for a machine that runs from memory: a folder, or a version of the store. */
  choose(name: string | undefined): Intent['image'] {
    if (name === undefined) {
      const [only, ...others] = this.#folders.keys()
      if (only !== undefined && others.length === 0) return { kind: 'image', name: only }
      return { kind: 'none', because: 'the settings name no image for it' }
    }
    if (this.#folders.has(name)) return { kind: 'image', name }
    return this.#complete(name, neededToRun, ', neither in the settings nor in the store')
  }

  /** What a name in the settings means for a machine that the installer of an image is to install. */
  chooseInstaller(name: string | undefined): Intent['image'] {
    if (name === undefined) return { kind: 'none', because: 'the settings name no image with an installer' }
    const inFolder = this.#folders.has(name) ? ', and a folder has no ISO' : ''
    return this.#complete(name, neededToInstall, ` in the store${inFolder}`)
  }

  /** How large the ISO of a version is, which a machine holds in memory while it is installed. */
  isoBytes(version: string): number | undefined {
    return this.#store.version(version)?.files.iso?.byteCount
  }

  /** What a name in the settings means for a machine whose disk is written. */
  chooseDisk(name: string | undefined): Intent['image'] {
    if (name === undefined) return { kind: 'none', because: 'the settings name no image for its disk' }
    const found = this.#found(name)
    if (found === undefined) {
      const inFolder = this.#folders.has(name) ? ', and a folder has no disk' : ''
      return { kind: 'none', because: `there is no image ${name} in the store${inFolder}` }
    }
    if (this.disk(versionName(found)) !== undefined) return { kind: 'image', name: versionName(found) }
    const has = filesOf(found).map(([role, { form }]) => `${role} (${form})`)
    const because = `the image ${versionName(found)} has no disk that could be written, only: ${has.join(', ')}`
    return { kind: 'none', because }
  }

  /** The disk of a version, in the form that is written. */
  disk(version: string): DiskFile | undefined {
    const file = this.#store.version(version)?.files.disk
    if (file?.form !== 'raw-zstd' || file.unpackedByteCount === undefined) return undefined
    const { sha256, byteCount, unpackedByteCount } = file
    const name = servedName('disk', file.form)
    return name === undefined ? undefined : { name, sha256, byteCount, unpackedByteCount }
  }

  /** Whether both are versions of one image, and the first is there. */
  isVersionBeside(version: string, other: string): boolean {
    const name = this.#store.version(version)?.name
    return name !== undefined && name === parseImageReference(other)?.name && !this.#folders.has(other)
  }

  /** The file behind the two last parts of a URL. */
  file(image: string, file: string): ImageFile | undefined {
    const folder = this.#folders.get(image)
    if (folder !== undefined) return fileInFolder(folder, file)
    const manifest = this.#found(image)
    const found = manifest === undefined ? undefined : servedFile(manifest, file)
    return found === undefined ? undefined : { path: this.#store.path(found.sha256), sha256: found.sha256 }
  }

  /** Whether a name of the settings means anything here. */
  has(name: string): boolean {
    return this.#folders.has(name) || this.#found(name) !== undefined
  }

  names(): readonly string[] {
    return [...new Set([...this.#folders.keys(), ...this.#store.names()])].toSorted()
  }

  #complete(name: string, needed: readonly ImageRole[], where: string): Intent['image'] {
    const found = this.#found(name)
    if (found === undefined) return { kind: 'none', because: `there is no image ${name}${where}` }
    const lacking = needed.filter((role) => found.files[role] === undefined)
    if (lacking.length === 0) return { kind: 'image', name: versionName(found) }
    const has = filesOf(found).map(([role]) => role)
    const because = `the image ${versionName(found)} has no ${lacking.join(', no ')}, only: ${has.join(', ')}`
    return { kind: 'none', because }
  }

  #found(name: string): Manifest | undefined {
    const reference = parseImageReference(name)
    if (reference === undefined) return undefined
    return reference.version === undefined ? this.#store.newest(reference.name) : this.#store.version(name)
  }
}
