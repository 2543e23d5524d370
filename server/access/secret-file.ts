import { randomUUID } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What lies in the file; `undefined` where there is none. One that others could read is closed to them. */
export async function readSecret(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600)
    return text
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Writes a file that is not there yet, for this user alone, whole or not at all; one that is there stays, and `EEXIST` is thrown. */
export async function writeSecretOnce(path: string, text: string): Promise<void> {
  const unfinished = await written(path, text)
  try {
    // Unlike a rename, a link does not replace what is there (link(2)).
    await link(unfinished, path)
  } finally {
    await unlink(unfinished)
  }
  await settled(dirname(path))
}

/** Writes or replaces a file, for this user alone: after a power cut there is the old one or the new one. */
export async function replaceSecret(path: string, text: string): Promise<void> {
  await rename(await written(path, text), path)
  await settled(dirname(path))
}

async function written(path: string, text: string): Promise<string> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  const unfinished = `${path}.${randomUUID()}.new`
  await using file = await open(unfinished, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
  return unfinished
}

/** The name of a file is on disk when its folder is (fsync(2)). */
async function settled(folder: string): Promise<void> {
  await using opened = await open(folder)
  await opened.sync()
}
