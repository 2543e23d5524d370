import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { partial, type StoreFolder } from './store-folder.ts'

/** Writes a small file so that others see the old text or the new one, and never a part. */
export async function writeWhole(folder: StoreFolder, path: string, text: string): Promise<void> {
  for (const needed of [folder.incoming, dirname(path)]) await mkdir(needed, { recursive: true })
  const unfinished = join(folder.incoming, `new-${randomUUID()}${partial}`)
  await writeFile(unfinished, text)
  await rename(unfinished, path)
}
