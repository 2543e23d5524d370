import type { Intent } from '../boot/choose-script.ts'
import { chooseDisk } from '../machines/choose-disk.ts'
import { guardDisk } from '../machines/disk-guard.ts'
import { beginInstall, begunDisk, type DiskInstall } from '../machines/disk-install.ts'
import type { InstallFailure } from '../machines/install-failures.ts'
import type { Disk } from '../machines/inventory.ts'
import type { Machine } from '../machines/machine.ts'
import type { DiskFile, ImageShelf } from './image-shelf.ts'

/** Ubuntu's installer of a server asks for so many (Ubuntu Server documentation, system requirements). */
const installerNeedsBytes = 5e9

export type ChosenTarget =
  | {
      readonly kind: 'chosen'
      readonly disk: Disk
      readonly image: string
      /** What comes onto the disk: the file of an image, or what an installer makes of its own. */
      readonly writes: DiskFile | 'installer'
      readonly because: string
    }
  | { readonly kind: 'refused'; readonly cause: InstallFailure; readonly because: string }

/** The disk of a machine that an install writes, by what the machine has told of its disks, and why that one, or why none. */
export function chooseTarget(
  images: Pick<ImageShelf, 'disk'>,
  wanted: NonNullable<Intent['disk']>,
  install: DiskInstall,
  disks: readonly Disk[],
): ChosenTarget {
  const no = (cause: InstallFailure, because: string): ChosenTarget => ({ kind: 'refused', cause, because })
  const { selector, by, wipe, image } = wanted
  if (image.kind === 'none') return no('no-image', image.because)
  const writes = install.by ?? images.disk(image.name)
  if (writes === undefined) return no('no-image', `${image.name} has just been removed`)
  const needed = writes === 'installer' ? installerNeedsBytes : writes.unpackedByteCount
  const choice = chooseDisk(disks, selector, needed)
  if (choice.kind === 'refused') return no('disk-unclear', choice.because)
  const { disk } = choice
  const guarded = guardDisk(disk, { wipe, begun: begunDisk(install), among: disks })
  if (guarded.kind === 'refused') return no('disk-refused', guarded.because)
  const who = by === 'approval' ? 'its approval says' : 'the settings say'
  const why = selector === undefined ? 'it is the only disk' : `${who} ${selector.text}`
  const state =
    disk.holds.length === 0
      ? 'and it is blank'
      : wipe === 'allowed'
        ? `and what it holds may go (wipe): ${disk.holds.slice(0, 3).join(', ')}`
        : 'and what it holds is what this box wrote: its install did not come to its end, or is wanted again'
  return { kind: 'chosen', disk, image: image.name, writes, because: `${why}, ${state}` }
}

/** The disk that an install would write that begins now, by what the machine last told of its disks; `undefined`, it never has. */
export function chooseByWhatWasTold(
  images: Pick<ImageShelf, 'disk'>,
  wanted: NonNullable<Intent['disk']>,
  { disks, install }: Pick<Machine, 'disks' | 'install'>,
  method: Intent['method'],
): (ChosenTarget & { readonly at: number }) | undefined {
  if (disks === undefined) return undefined
  const by = method === 'autoinstall' ? ({ by: 'installer' } as const) : {}
  const begun = beginInstall(install, { id: '', attempt: '', ...by })
  return { ...chooseTarget(images, wanted, begun, disks.seen), at: disks.at }
}
