import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseImageReference, type ImageReference } from '../config/image-name.ts'
import type { Config } from '../config/config.ts'
import type { BlobStore } from '../images/blob-store.ts'
import { ImageFault } from '../images/image-fault.ts'
import { fetchFile } from '../images/fetch-file.ts'
import { importImage, type ImportOrder } from '../images/import-image.ts'
import { filesOf, versionName, type ImageRole, type Manifest, type ManifestFile } from '../images/manifest.ts'
import { isComplete, newestFirst } from '../images/newest-version.ts'
import { mustBeFree } from '../images/must-be-free.ts'
import { openBlobStore } from '../images/open-blob-store.ts'
import { pinVersion, unpinVersion } from '../images/pins.ts'
import { removeVersion } from '../images/remove-version.ts'
import { servedName } from '../images/served-name.ts'
import { storeContent } from '../images/store-content.ts'
import { storeFolder } from '../images/store-folder.ts'
import { verifyStore, type Verified } from '../images/verify-store.ts'
import type { Work } from '../images/work.ts'
import { lockFile } from '../store/file-lock.ts'
import { approvedImages, machinesInWords, type ApprovedImage } from './approved-images.ts'
import { sweepImages } from './image-jobs.ts'
import { fetchTools } from './fetch-tools.ts'
import { imageStoreName } from './image-shelf.ts'
import { imagesOfSettings } from './images-of-settings.ts'

/** A version in the store, and who uses it. */
export type VersionView = {
  readonly version: string
  readonly manifest: Manifest
  /** Every file is there. */
  readonly whole: boolean
  /** It is what its name alone means. */
  readonly newest: boolean
  readonly pinned: boolean
  /** A machine boots it just now. */
  readonly running: boolean
  /** The settings name it for machines, with its version or without. */
  readonly wanted: boolean
}

export type StoreView = {
  /** By name, the newest version of each first. */
  readonly versions: readonly VersionView[]
  readonly unreadable: readonly { readonly path: string; readonly because: string }[]
  /** Of blobs that came in part. */
  readonly unfinishedBytes: number
}

export async function viewImages(config: Config): Promise<StoreView> {
  const content = await storeContent(storeFolder(pathOf(config)))
  const { manifests, blobs, pinned, running, unreadable, unfinished } = content
  const sizes = new Map(blobs.map(({ sha256, byteCount }) => [sha256, byteCount]))
  const wanted = new Set(imagesOfSettings(config))
  const names = [...Map.groupBy(manifests, ({ name }) => name)].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const versions = names.flatMap(([, group]) => {
    const sorted = newestFirst(group)
    const newest = sorted.find((manifest) => isComplete(manifest, sizes))
    return sorted.map((manifest): VersionView => {
      const version = versionName(manifest)
      return {
        version,
        manifest,
        whole: isComplete(manifest, sizes),
        newest: manifest === newest,
        pinned: pinned.has(version),
        running: running.has(version),
        wanted: wanted.has(version) || (manifest === newest && wanted.has(manifest.name)),
      }
    })
  })
  return {
    versions,
    unreadable,
    unfinishedBytes: unfinished.reduce((sum, { byteCount }) => sum + byteCount, 0),
  }
}

/** The version that a person names: with its version, or the newest. */
export async function versionNamed(config: Config, name: string): Promise<VersionView> {
  const reference = parseImageReference(name)
  const { versions } = await viewImages(config)
  const found = versions.find(
    (one) =>
      (reference?.version === undefined ? one.newest : one.version === name) &&
      one.manifest.name === reference?.name,
  )
  // Versions that lack a file have no newest among them.
  const any =
    found ?? versions.find(({ manifest }) => reference?.version === undefined && manifest.name === name)
  if (any !== undefined) return any
  throw new ImageFault('no-such-image', `there is no image ${name} in the store`, {
    nextStep: nextStepFor(reference, versions),
  })
}

function nextStepFor(reference: ImageReference | undefined, versions: readonly VersionView[]): string {
  const beside = versions.filter(({ manifest }) => manifest.name === reference?.name)
  if (beside.length === 0) return 'See: ironwake images list'
  return `There are: ${beside.map(({ version }) => version).join(', ')}`
}

/** Opens the store to put something into it. */
export async function openImageStore(config: Config): Promise<BlobStore & Disposable> {
  await mkdir(config.dataFolder, { recursive: true, mode: 0o700 })
  return await openBlobStore(pathOf(config), { lock: lockFile })
}

/** An image that a person brings: its file, or the URL of it, and what else is known. */
export type OwnImage = Omit<ImportOrder, 'path' | 'origin'> & {
  readonly from:
    { readonly kind: 'file'; readonly path: string } | { readonly kind: 'url'; readonly url: string }
}

export async function importOwnImage(
  config: Config,
  own: OwnImage,
  work: Work,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Manifest> {
  const { from, ...rest } = own
  using store = await openImageStore(config)
  if (from.kind === 'file') return await importImage(store, { ...rest, path: from.path, origin: from }, work)
  await mustBeFree(store, own)
  const { sha256 } = await fetchFile(from.url, own.sha256, {
    ...fetchTools(config.imageSync, { over: work.stop, environment }),
    store,
    progress: (done, total) => work.progress('download', done, total),
  })
  return await importImage(store, { ...rest, sha256, path: store.pathOf(sha256), origin: from }, work)
}

export async function pinImage(config: Config, name: string): Promise<VersionView> {
  const found = await versionNamed(config, name)
  await pinVersion(pathOf(config), found.version)
  return { ...found, pinned: true }
}

export async function unpinImage(config: Config, name: string): Promise<VersionView> {
  const found = await versionNamed(config, name)
  await unpinVersion(pathOf(config), found.version)
  return { ...found, pinned: false }
}

export type Removed = {
  readonly version: string
  readonly freedBytes: number
  /** Why its blobs are still there. */
  readonly putOff: string | undefined
  /** Machines that have had what they were approved for, and would find no image to be installed again. */
  readonly leaves: readonly ApprovedImage[]
}

/** Removes one version, with what is its own, unless somebody uses it. */
export async function removeImage(config: Config, name: string, now: number): Promise<Removed> {
  const { version, pinned, wanted, whole, manifest } = await versionNamed(config, name)
  if (parseImageReference(name)?.version === undefined) {
    throw new ImageFault('unsafe', 'say which version is to go', {
      nextStep: `As in: ironwake images remove ${version}`,
    })
  }
  if (pinned) {
    const nextStep = `First: ironwake images unpin ${version}`
    throw new ImageFault('in-use', `${version} is pinned`, { nextStep })
  }
  // One that lacks a file serves no machine, whoever names it.
  if (whole && wanted && !(await hasOther(config, manifest, name))) {
    throw new ImageFault('in-use', `the settings name ${version} for machines`, {
      nextStep: 'Name another image for them in ironwake.yaml, and start Ironwake again.',
    })
  }
  const approved = await approvedFor(config, manifest, version)
  const waiting = whole ? approved.filter(({ isDone }) => !isDone) : []
  if (waiting.length > 0) {
    throw new ImageFault(
      'in-use',
      `${version} is what ${machinesInWords(waiting)} ${waiting.length === 1 ? 'is' : 'are'} approved for`,
      {
        nextStep:
          'Approve with another image first (ironwake machines approve MACHINE --image NAME), or take the approval back (unapprove).',
      },
    )
  }
  const leaves = approved.filter(({ isDone }) => isDone)
  await removeVersion(pathOf(config), version)
  // Only what nobody names: which other versions go is for the sweep at its time.
  const swept = await sweepImages(config, { now, orphansKeptMs: 0, keep: Number.POSITIVE_INFINITY })
  if (swept.kind === 'put-off') return { version, freedBytes: 0, putOff: swept.because, leaves }
  const freedBytes = swept.sweep.blobs.reduce((sum, { byteCount }) => sum + byteCount, 0)
  return { version, freedBytes, putOff: undefined, leaves }
}

/** Those whom a person approved for this version: by it, or by its name where no other version is there. */
async function approvedFor(
  config: Config,
  manifest: Manifest,
  version: string,
): Promise<readonly ApprovedImage[]> {
  const approved = await approvedImages(config.dataFolder)
  const byName = (await otherVersions(config, manifest, version)).length === 0
  return approved.filter(({ image }) => image === version || (byName && image === manifest.name))
}

async function otherVersions(
  config: Config,
  { name }: Manifest,
  version: string,
): Promise<readonly VersionView[]> {
  const { versions } = await viewImages(config)
  return versions.filter((one) => one.manifest.name === name && one.version !== version && one.whole)
}

/** Whether the name alone, which is all the settings say, has another version to mean. */
async function hasOther(config: Config, manifest: Manifest, version: string): Promise<boolean> {
  if (imagesOfSettings(config).includes(version)) return false
  return (await otherVersions(config, manifest, version)).length > 0
}

export async function verifyImages(config: Config, work: Work): Promise<Verified> {
  return await verifyStore(pathOf(config), lockFile, work)
}

export type FilePlace = {
  readonly role: ImageRole
  readonly file: ManifestFile
  readonly path: string
  /** Absent where it is not served. */
  readonly url: string | undefined
}

/** Where each file of a version lies, and what it is called in URLs. */
export function placesOfFiles(config: Config, manifest: Manifest): readonly FilePlace[] {
  const folder = storeFolder(pathOf(config))
  return filesOf(manifest).map(([role, file]) => {
    const served = servedName(role, file.form)
    const url = served === undefined ? undefined : `/images/${versionName(manifest)}/${served}`
    return { role, file, path: folder.blob(file.sha256), url }
  })
}

function pathOf(config: Config): string {
  return join(config.dataFolder, imageStoreName)
}
