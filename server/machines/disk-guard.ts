import { diskInWords, diskSize } from './choose-disk.ts'
import type { Disk } from './inventory.ts'

/** What a disk is recognised by in a later boot. */
export type DiskIdentity = {
  readonly serial: string | undefined
  readonly wwn: string | undefined
  readonly path: string | undefined
  readonly bytes: number
}

export type Guarded = { readonly kind: 'may-write' } | { readonly kind: 'refused'; readonly because: string }

export type DiskRights = {
  readonly wipe: 'allowed' | 'forbidden'
  readonly begun: DiskIdentity | undefined
  /** All disks of the machine: what two of them say of themselves tells neither from the other. */
  readonly among: readonly Disk[]
}

/**
 * Whether a disk may be written. One with data on it is left alone unless a person said `wipe`, or the data is what an
 * install of this machine, not come to its end, had begun to write there.
 */
export function guardDisk(disk: Disk, { wipe, begun, among }: DiskRights): Guarded {
  if (disk.usedBy.length > 0) {
    return { kind: 'refused', because: `${diskInWords(disk)} is in use: ${inShort(disk.usedBy)}` }
  }
  if (disk.holds.length === 0 || wipe === 'allowed') return { kind: 'may-write' }
  if (begun !== undefined && isThatDisk(disk, begun, among)) return { kind: 'may-write' }
  return { kind: 'refused', because: `${diskInWords(disk)} holds data: ${inShort(disk.holds)}` }
}

export function identityOf({ serial, wwn, path, bytes }: Disk): DiskIdentity {
  return { serial, wwn, path, bytes }
}

export function identityInWords({ serial, wwn, path, bytes }: DiskIdentity): string {
  const known =
    serial !== undefined
      ? `serial ${serial}`
      : wwn !== undefined
        ? `wwn ${wwn}`
        : `by-path ${path ?? 'unknown'}`
  return `${known}, ${diskSize(bytes)}`
}

/** Of disks that say the same of themselves, as two volumes of one controller may, only the place tells which it is. */
function isThatDisk(disk: Disk, begun: DiskIdentity, among: readonly Disk[]): boolean {
  if (!isSameDisk(begun, identityOf(disk))) return false
  const alike = among.filter(({ name, ...other }) => name !== disk.name && isSameDisk(begun, other))
  if (alike.length === 0) return true
  return (
    begun.path !== undefined && begun.path === disk.path && alike.every(({ path }) => path !== begun.path)
  )
}

/** A disk that has neither serial nor WWN is known by its place and its size. */
function isSameDisk(one: DiskIdentity, other: DiskIdentity): boolean {
  if (one.bytes !== other.bytes || one.serial !== other.serial || one.wwn !== other.wwn) return false
  if (one.serial !== undefined || one.wwn !== undefined) return true
  return one.path !== undefined && one.path === other.path
}

const mostNamed = 6

function inShort(notes: readonly string[]): string {
  const distinct = [...new Set(notes)]
  const rest = distinct.length - mostNamed
  return [...distinct.slice(0, mostNamed), ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ')
}
