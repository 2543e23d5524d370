import type { DiskSelector, DiskTerm } from './disk-selector.ts'
import type { Disk } from './inventory.ts'

export type DiskChoice =
  { readonly kind: 'disk'; readonly disk: Disk } | { readonly kind: 'refused'; readonly because: string }

/**
 * The one disk that a selector means; without a selector, the only one there is. Disks that cannot be written, or into
 * which the image does not go, are no candidates, and neither are those at USB, unless the selector names one. Where none fits,
 * or more than one, nothing is guessed.
 */
export function chooseDisk(
  disks: readonly Disk[],
  selector: DiskSelector | undefined,
  neededBytes: number,
): DiskChoice {
  const left = (disk: Disk): string | undefined => whyNoCandidate(disk, neededBytes, selector)
  const candidates = disks.filter((disk) => left(disk) === undefined)
  const fitting = candidates.filter((disk) => selector?.terms.every((term) => fits(disk, term)) ?? true)
  const chosen = selector?.order === undefined ? fitting : utmost(fitting, selector.order)
  const [disk, ...others] = chosen
  if (disk !== undefined && others.length === 0) return { kind: 'disk', disk }
  const wanted = selector === undefined ? 'the only disk' : `the disk ${selector.text}`
  const found = listed(disks, left)
  if (disk === undefined) return { kind: 'refused', because: `${wanted} is not there; found: ${found}` }
  const names = chosen.length === 2 ? 'both' : `${chosen.length} of them`
  const because = `${wanted} is not clear, since ${names} fit; found: ${found}`
  return { kind: 'refused', because }
}

/** Why a disk is left out of every choice. */
function whyNoCandidate(
  disk: Disk,
  neededBytes: number,
  selector: DiskSelector | undefined,
): string | undefined {
  if (disk.isRemovable) return 'removable'
  if (disk.isReadOnly) return 'read-only'
  if (disk.bytes < neededBytes) return `too small for ${diskSize(neededBytes)}`
  if (isAtUsb(disk) && !namesOne(selector)) return 'at USB, and so written only where it is named'
  return undefined
}

/**
 * A disk at USB does not call itself removable, be it the one with the backups that hangs there today; nor does each disk that a
 * BMC pretends to have. udev's ID_PATH has a part `usb`, or `usbv2` and the like.
 */
function isAtUsb({ path }: Disk): boolean {
  return path !== undefined && /(?:^|-)usb(?:v[0-9])?-/.test(path)
}

/** Whether it says which disk it is, and not only what it is like. */
function namesOne(selector: DiskSelector | undefined): boolean {
  return selector?.terms.some(({ kind }) => kind !== 'size') ?? false
}

/** Sizes of disks that are sold as equal differ by less (percent). */
const alikePercent = 1

/** What a disk is known by in every boot. */
type KnownDisk = Pick<Disk, 'serial' | 'wwn' | 'path' | 'bytes'>

/** Whether a selector may mean a disk that is known by this; `false` says that it means another one. */
export function mayMean(selector: DiskSelector, disk: KnownDisk): boolean {
  return selector.terms.every((term) => fits(disk, term))
}

function fits(disk: KnownDisk, term: DiskTerm): boolean {
  switch (term.kind) {
    case 'serial':
      return disk.serial !== undefined && plainSerial(disk.serial) === plainSerial(term.value)
    case 'wwn':
      return disk.wwn !== undefined && plainWwn(disk.wwn) === plainWwn(term.value)
    case 'by-path':
      return disk.path === term.value
    case 'size':
      return compares(disk.bytes, term)
  }
}

function compares(bytes: number, term: Extract<DiskTerm, { kind: 'size' }>): boolean {
  switch (term.compare) {
    case '=':
      return Math.abs(bytes - term.bytes) <= (term.bytes * alikePercent) / 100
    case '<':
      return bytes < term.bytes
    case '<=':
      return bytes <= term.bytes
    case '>':
      return bytes > term.bytes
    case '>=':
      return bytes >= term.bytes
  }
}

/** udev writes an underscore where the disk has white space. */
function plainSerial(text: string): string {
  return text.trim().replaceAll(/\s+/g, '_')
}

/** `0x5000c500a1b2c3d4`, `naa.5000c500a1b2c3d4` and `eui.0025385b71b0a1c2` are written in many ways. */
function plainWwn(text: string): string {
  return text
    .toLowerCase()
    .replace(/^(?:0x|naa\.|eui\.|wwn-0x)/, '')
    .replaceAll(/[:-]/g, '')
}

function utmost(disks: readonly Disk[], order: 'smallest' | 'largest'): readonly Disk[] {
  const sizes = disks.map(({ bytes }) => bytes)
  const wanted = order === 'smallest' ? Math.min(...sizes) : Math.max(...sizes)
  return disks.filter(({ bytes }) => bytes === wanted)
}

/** A sentence has room for so many. */
const mostListed = 12

function listed(disks: readonly Disk[], whyLeft: (disk: Disk) => string | undefined): string {
  if (disks.length === 0) return 'no disk at all'
  const shown = disks.slice(0, mostListed).map((disk) => {
    const because = whyLeft(disk)
    return because === undefined ? diskInWords(disk) : `${diskInWords(disk)} (${because})`
  })
  const rest = disks.length - shown.length
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ')
}

/** A disk as a person knows it. */
export function diskInWords({ name, bytes, serial, wwn, path }: Disk): string {
  const known =
    serial !== undefined
      ? `serial ${serial}`
      : wwn !== undefined
        ? `wwn ${wwn}`
        : `by-path ${path ?? 'unknown'}`
  return `${name} with ${diskSize(bytes)}, ${known}`
}

/** 1000-based, as disks are sold. */
export function diskSize(bytes: number): string {
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`
  if (bytes < 1e12) return `${(bytes / 1e9).toFixed(1)} GB`
  return `${(bytes / 1e12).toFixed(2)} TB`
}
