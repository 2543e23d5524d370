import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importOwnImage } from '../../server/appliance/image-store.ts'
import { debianDisk } from '../../server/demo/debian-disk.ts'
import { aConfig } from '../appliance/a-config.ts'
import { imageCache } from './rig.ts'

/** What the store has afterwards. */
export const imported = { name: 'debian-disk', version: '1' } as const

let stocked: Promise<string> | undefined

/** Puts the disk image into the store of a box, as `ironwake images import` does; what was imported once is copied. */
export async function stockDiskImage(dataFolder: string): Promise<void> {
  stocked ??= importOnce(async (path) => await Promise.resolve(path))
  mkdirSync(dataFolder, { recursive: true })
  cpSync(join(await stocked, 'images'), join(dataFolder, 'images'), { recursive: true })
}

/** The same with an image that somebody has made his own: `change` is given the path of a copy. */
export function stockChangedImage(change: (path: string) => void): (dataFolder: string) => Promise<void> {
  return async (dataFolder) => {
    const folder = await importOnce(async (path, own) => {
      const copy = join(own, 'changed.raw')
      cpSync(path, copy)
      await Promise.resolve(change(copy))
      return copy
    })
    mkdirSync(dataFolder, { recursive: true })
    renameSync(join(folder, 'images'), join(dataFolder, 'images'))
    rmSync(folder, { recursive: true })
  }
}

async function importOnce(changed: (path: string, own: string) => Promise<string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-disk-image-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const path = await changed(await debianDisk({ cacheFolder: imageCache }), folder)
  const order = {
    ...imported,
    from: { kind: 'file', path },
    sha256: undefined,
    kernel: undefined,
    initrd: undefined,
    architecture: 'amd64',
    now: () => Date.now(),
  } as const
  const work = { stop: new AbortController().signal, progress() {} }
  await importOwnImage(aConfig({ dataFolder: folder }), order, work, {})
  return folder
}
