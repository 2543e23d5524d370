import { mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive } from './is-alive.ts'
import { removeTree } from './remove-tree.ts'

/** A folder of a cache, named for everything it is made from. */
export type BuildPlan = {
  readonly cacheFolder: string
  readonly key: string
  /** Whether a folder holds all that it should. */
  readonly isWhole: (folder: string) => Promise<boolean>
  readonly build: (building: string) => Promise<void>
}

/**
 * The folder: as it is in the cache, or built now under another name and published by one rename, which is all or nothing.
 * Where another process was quicker, its folder is as good.
 */
export async function buildOnce({ cacheFolder, key, isWhole, build }: BuildPlan): Promise<string> {
  const folder = join(cacheFolder, key)
  if (await isWhole(folder)) return folder
  await mkdir(cacheFolder, { recursive: true })
  await removeAbandoned(cacheFolder)
  const building = join(cacheFolder, `building-${process.pid}-${key}`)
  try {
    await mkdir(building)
    await build(building)
    await rename(building, folder).catch(async (error: unknown) => {
      if (!(await isWhole(folder))) throw error
    })
  } finally {
    await removeTree(building)
  }
  return folder
}

/** A build that was killed leaves its folder behind; whoever builds next removes it. */
async function removeAbandoned(cacheFolder: string): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    const owner = /^building-([0-9]+)-/.exec(name)?.[1]
    if (owner === undefined) continue
    if (!isAlive(Number(owner))) await removeTree(join(cacheFolder, name))
  }
}
