import { fileTrouble } from '../wire/file-trouble.ts'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { closest } from '../config/closest.ts'
import type { ImageSyncSettings } from '../config/config.ts'
import { formatMistakes } from '../config/format-mistakes.ts'
import type { Upstream } from './catalogue.ts'
import { readCatalogue } from './read-catalogue.ts'
import { UpstreamFault } from './upstream-fault.ts'

const ownFolder = fileURLToPath(new URL('../../images/catalogue/', import.meta.url))
const ownKeyrings = fileURLToPath(new URL('../../images/keyrings/', import.meta.url))

/** The upstreams of the catalogue and of the site's own, with mirrors in the places of those they stand for. */
export async function loadCatalogue(
  settings: Pick<ImageSyncSettings, 'catalogueFolder' | 'mirrors'>,
): Promise<readonly Upstream[]> {
  const { catalogueFolder, mirrors } = settings
  const own = await upstreamsIn(ownFolder, ownKeyrings)
  const further = catalogueFolder === undefined ? [] : await upstreamsIn(catalogueFolder, catalogueFolder)
  // A file of the site replaces the one that speaks of the same upstream.
  const upstreams = [...new Map([...own, ...further].map((upstream) => [upstream.name, upstream])).values()]
  for (const { of } of mirrors) {
    if (upstreams.some(({ name }) => name === of)) continue
    const names = upstreams.map(({ name }) => name)
    const meant = closest(of, names)
    const nextStep = meant === undefined ? `They are: ${names.join(', ')}.` : `Did you mean ${meant}?`
    throw new UpstreamFault('malformed', `There is no upstream ${of} that a mirror could stand for.`, {
      nextStep,
    })
  }
  return upstreams.map((upstream) => {
    const mirror = mirrors.findLast(({ of }) => of === upstream.name)
    if (mirror === undefined) return upstream
    const { base, files } = mirror
    const keyring =
      mirror.keyring === undefined ? upstream.keyring : { file: mirror.keyring, fingerprints: [] }
    return { ...upstream, base, files, keyring }
  })
}

async function upstreamsIn(folder: string, keyrings: string): Promise<readonly Upstream[]> {
  const names = await readable(folder, async () => await readdir(folder))
  const files = names.filter((name) => /\.ya?ml$/.test(name)).toSorted()
  return await Promise.all(
    files.map(async (name) => {
      const path = join(folder, name)
      const text = await readable(path, async () => await readFile(path, 'utf8'))
      const read = readCatalogue(text, path, keyrings)
      if (read.kind === 'upstream') return read.upstream
      throw new UpstreamFault('malformed', formatMistakes(text, path, read.mistakes).trimEnd())
    }),
  )
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    throw new UpstreamFault('malformed', `${path} cannot be read: ${fileTrouble(error)}.`, {
      nextStep: 'See image-sync: catalogue in the settings, and whether this user may read that.',
      cause: error,
    })
  }
}
