/** A reader for ISO 9660 (ECMA-119), as far as single files are to be found in it by their path. */

/** Bytes of the medium; fewer than asked for at its end. */
export type ReadAt = (offset: number, byteCount: number) => Promise<Uint8Array>

/** Where a file lies on the medium. */
export type Extent = { readonly offset: number; readonly byteCount: number }

export type FoundInIso =
  | { readonly kind: 'file'; readonly extent: Extent }
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed'; readonly because: string }

const sectorBytes = 2048
const firstDescriptor = 16
const mostDescriptors = 64
/** The folders of a distribution's medium have some hundred entries. */
const mostFolderBytes = 4 * 1024 * 1024

/** Finds a file, told apart by names of Rock Ridge where there are any, else of ISO 9660; case does not count. */
export async function findInIso(read: ReadAt, path: string): Promise<FoundInIso> {
  const root = await rootOf(read)
  if (root === undefined) return { kind: 'malformed', because: 'it has no primary volume descriptor' }
  let here = root
  for (const part of path.split('/').filter((name) => name !== '')) {
    if (!here.isFolder) return { kind: 'missing' }
    if (here.extent.byteCount > mostFolderBytes) {
      return { kind: 'malformed', because: `a folder on the way to ${path} is too large` }
    }
    const bytes = await read(here.extent.offset, here.extent.byteCount)
    if (bytes.length < here.extent.byteCount) return { kind: 'malformed', because: 'it ends within a folder' }
    const entry = recordsIn(bytes).find(({ name }) => name.toLowerCase() === part.toLowerCase())
    if (entry === undefined) return { kind: 'missing' }
    here = entry
  }
  if (here.isFolder) return { kind: 'missing' }
  if (here.isInParts) return { kind: 'malformed', because: `${path} lies in several extents` }
  return { kind: 'file', extent: here.extent }
}

type DirectoryRecord = {
  readonly name: string
  readonly extent: Extent
  readonly isFolder: boolean
  /** A file of more than 4 GiB goes on in the next record (§9.1.6, multi-extent). */
  readonly isInParts: boolean
}

/** The descriptors end with one of type 255 (§8). */
async function rootOf(read: ReadAt): Promise<DirectoryRecord | undefined> {
  for (let number = 0; number < mostDescriptors; number++) {
    const sector = await read((firstDescriptor + number) * sectorBytes, sectorBytes)
    if (sector.length < sectorBytes || asText(sector.subarray(1, 6)) !== 'CD001' || sector[0] === 255) {
      return undefined
    }
    if (sector[0] === 1) return recordAt(sector, 156)
  }
  return undefined
}

/** No record goes over the end of a sector; what is left of it is zero (§6.8.1.1). */
function recordsIn(bytes: Uint8Array): DirectoryRecord[] {
  const records: DirectoryRecord[] = []
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at] ?? 0
    if (length === 0) {
      at = (Math.floor(at / sectorBytes) + 1) * sectorBytes
      continue
    }
    const record = recordAt(bytes, at)
    if (record !== undefined) records.push(record)
    at += length
  }
  return records
}

/** §9.1. Numbers stand there in both byte orders; the first is little-endian. */
function recordAt(bytes: Uint8Array, at: number): DirectoryRecord | undefined {
  const length = bytes[at] ?? 0
  const nameLength = bytes[at + 32] ?? 0
  if (length < 34 || at + length > bytes.length || 33 + nameLength > length) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, length)
  const flags = view.getUint8(25)
  // The name is filled up to an even length; what follows is for extensions.
  const extensions = bytes.subarray(at + 33 + nameLength + ((nameLength + 1) % 2), at + length)
  const plain = asText(bytes.subarray(at + 33, at + 33 + nameLength)).replace(/\.?;[0-9]+$/, '')
  return {
    name: rockRidgeName(extensions) ?? plain,
    extent: { offset: view.getUint32(2, true) * sectorBytes, byteCount: view.getUint32(10, true) },
    isFolder: (flags & 2) !== 0,
    isInParts: (flags & 0x80) !== 0,
  }
}

/** The name in entries `NM` (RRIP 1.12 §4.1.4), which may come in pieces. */
function rockRidgeName(extensions: Uint8Array): string | undefined {
  let name: string | undefined
  for (let at = 0; at + 4 <= extensions.length;) {
    const length = extensions[at + 2] ?? 0
    if (length < 4 || at + length > extensions.length) break
    if (asText(extensions.subarray(at, at + 2)) === 'NM') {
      name = (name ?? '') + asText(extensions.subarray(at + 5, at + length))
    }
    at += length
  }
  return name
}

function asText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
