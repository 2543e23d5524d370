import { open } from 'node:fs/promises'

/** Makes what was made, renamed or deleted in a folder outlive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}
