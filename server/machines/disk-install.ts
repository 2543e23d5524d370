import type { DiskIdentity } from './disk-guard.ts'

/** An install on a machine's own disk: which boot writes it, and how far it is. */
export type DiskInstall = {
  /** 128 random bits in hexadecimal: the nonce in the URLs at which the system on the disk reports. */
  readonly id: string
  /** The boot whose system in memory writes. */
  readonly attempt: string
  /** `installer`: that system is the distribution's own installer, which writes by itself; absent, it writes an image. */
  readonly by?: 'installer'
  readonly phase: InstallPhase
  /** The version of the image; absent, it has not been asked for. */
  readonly image?: string
  /** The disk that was or is written, also by an install before this one that did not come to its end. */
  readonly disk?: DiskIdentity
  /**
   * Another is wanted, at the next boot from the network. `approved`: by a newer approval. `reinstall`: of the same disk, whose
   * data are those of this install and may go.
   */
  readonly again?: 'approved' | 'reinstall'
}

/**
 * `begun`: the machine was told to boot the system that writes. `writing`: it was told what to write where. `written`: the
 * whole image is on the disk, with its seed. `installed`: the system on the disk has reported that it is up.
 */
export type InstallPhase = 'begun' | 'writing' | 'written' | 'installed'

/** The disk whose data are those of an install that has not come to its end, and nobody else's. */
export function begunDisk(install: DiskInstall | undefined): DiskIdentity | undefined {
  return install === undefined || install.phase === 'installed' ? undefined : install.disk
}

/**
 * A boot begins an install. One that was asked for its script once more goes on; a disk that was begun to be written stays
 * known.
 */
export function beginInstall(
  before: DiskInstall | undefined,
  { id, attempt, by }: Pick<DiskInstall, 'id' | 'attempt' | 'by'>,
): DiskInstall {
  if (before?.attempt === attempt) return before
  // Until it is written once more, what a disk holds that is to be installed again is of the install before.
  const disk = before?.again === 'reinstall' ? before.disk : begunDisk(before)
  return {
    id,
    attempt,
    ...(by === undefined ? {} : { by }),
    phase: 'begun',
    ...(disk === undefined ? {} : { disk }),
  }
}

/** Whether a machine has a system on its disk that it is to start from. */
export function startsFromDisk(install: DiskInstall | undefined): boolean {
  if (install === undefined || install.again !== undefined) return false
  return install.phase === 'written' || install.phase === 'installed'
}
