import { join } from 'node:path'
import type { Machine } from '../machines/machine.ts'
import { readMachines } from '../store/read-machines.ts'
import { storeName } from '../store/store-name.ts'

/** A machine that a person approved for an image, named with its version or without. */
export type ApprovedImage = {
  readonly image: string
  readonly machine: string
  /** Its name, where it has one. */
  readonly hostname: string | undefined
  /** It has had what it was approved for, and asks for the image again only to be installed once more. */
  readonly isDone: boolean
}

/** The images that persons approved machines for; also while no appliance runs. Throws a `StoreFault`. */
export async function approvedImages(dataFolder: string): Promise<readonly ApprovedImage[]> {
  return imagesOfApprovals(await readMachines(join(dataFolder, storeName)))
}

function imagesOfApprovals(machines: readonly Machine[]): readonly ApprovedImage[] {
  return machines.flatMap(({ id, hostname, approval, state }) => {
    if (approval?.image === undefined || state === 'retired') return []
    return [{ image: approval.image, machine: id, hostname, isDone: approval.doneAt !== undefined }]
  })
}

const mostNamed = 5

/** As `machines` takes them: names, or identifiers, of the first few. */
export function machinesInWords(approved: readonly ApprovedImage[]): string {
  const named = approved.slice(0, mostNamed).map(({ machine, hostname }) => hostname ?? machine)
  const others = approved.length - named.length
  return others === 0 ? named.join(', ') : `${named.join(', ')} and ${others} others`
}
