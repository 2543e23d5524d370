import { link, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageFault } from './image-fault.ts'
import { filesOf, versionName, type Manifest } from './manifest.ts'
import { isMissing } from './names-in.ts'
import { parseManifest, writeManifest } from './parse-manifest.ts'
import { partial, type StoreFolder } from './store-folder.ts'
import { syncFolder } from './sync-folder.ts'

/** Makes a version known, whole or not at all. `name` is that of a file nobody else writes. */
export async function publishManifest(folder: StoreFolder, manifest: Manifest, name: string): Promise<void> {
  const version = versionName(manifest)
  if (filesOf(manifest).length === 0) throw new ImageFault('incomplete', `${version} has no file`)
  for (const [role, file] of filesOf(manifest)) {
    if ((await sizeOf(folder.blob(file.sha256))) === file.byteCount) continue
    throw new ImageFault('incomplete', `the ${role} of ${version} is not in the store`)
  }
  const unfinished = join(folder.incoming, `${name}${partial}`)
  const path = folder.manifest(version)
  try {
    await writeOut(unfinished, writeManifest(manifest))
    await link(unfinished, path)
  } catch (error) {
    if (!isThere(error)) throw error
    await meet(path, manifest, unfinished)
  } finally {
    await rm(unfinished, { force: true })
  }
  await syncFolder(folder.manifests)
}

/** The version is there already: with the same files that is well, and one that nobody can read is replaced. */
async function meet(path: string, manifest: Manifest, unfinished: string): Promise<void> {
  const parsed = parseManifest(await readFile(path, 'utf8'))
  if (parsed.kind === 'unreadable') {
    await rename(unfinished, path)
    return
  }
  if (JSON.stringify(filesOf(parsed.manifest)) === JSON.stringify(filesOf(manifest))) return
  throw new ImageFault('exists', `${versionName(manifest)} is there already, with other files`, {
    nextStep: 'Give it another version: a version never changes once it is published.',
  })
}

async function writeOut(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', 0o644)
  await file.writeFile(text)
  await file.sync()
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? found.size : undefined
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function isThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}
