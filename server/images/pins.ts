import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { storeFolder } from './store-folder.ts'
import { syncFolder } from './sync-folder.ts'
import { writeWhole } from './write-whole.ts'

/** Keeps a version from every sweep, until it is unpinned. */
export async function pinVersion(path: string, version: string): Promise<void> {
  const folder = storeFolder(path)
  await writeWhole(folder, join(folder.pins, version), '')
  await syncFolder(folder.pins)
}

export async function unpinVersion(path: string, version: string): Promise<void> {
  await rm(join(storeFolder(path).pins, version), { force: true })
}
