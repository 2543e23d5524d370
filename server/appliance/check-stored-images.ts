import { fileTrouble } from '../wire/file-trouble.ts'
import type { ImageChoice } from '../boot/choose-script.ts'
import { closest } from '../config/closest.ts'
import type { Config } from '../config/config.ts'
import { size } from '../events/sentence.ts'
import type { Upstream } from '../images/catalogue.ts'
import { loadCatalogue } from '../images/load-catalogue.ts'
import { UpstreamFault } from '../images/upstream-fault.ts'
import { wishesOf } from '../images/wish.ts'
import { memoryForIso } from '../machines/memory-for-iso.ts'
import type { Finding } from './finding.ts'
import { ImageShelf } from './image-shelf.ts'

/** What the settings name for machines, and have no folder for. */
export async function checkStoredImages(config: Config): Promise<readonly Finding[]> {
  const shelf = new ImageShelf(config)
  try {
    await shelf.look()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    const fact = `the image store cannot be read: ${fileTrouble(error)}`
    const nextStep = 'See whether data: in the settings is a folder that this user may read'
    return [{ verdict: 'wrong', subject: 'images', fact, nextStep }]
  }
  const upstreams = await loadCatalogue(config.imageSync).catch(() => [])
  const folders = new Set(config.images.map(({ name }) => name))
  return imageUsesOf(config)
    .filter(({ name, use }) => use !== 'run' || !folders.has(name))
    .map(({ name, use }): Finding => {
      const subject = `image ${name}`
      const choice = chosenFor(shelf, name, use)
      if (choice.kind === 'image') {
        const iso = use === 'install' ? shelf.isoBytes(choice.name) : undefined
        const memory =
          iso === undefined ? '' : `; its ISO takes ${size(memoryForIso(iso))} of a machine's memory`
        return { verdict: 'well', subject, fact: `${choice.name} in the store${memory}` }
      }
      const meant = closest(name, shelf.names())
      const nextStep = shelf.has(name)
        ? 'Name another image: `ironwake images list` shows what each has'
        : isIn(upstreams, name)
          ? `Fetch it: ironwake images sync ${name}`
          : meant === undefined
            ? `Import it: ironwake images import FILE --name ${name}`
            : `Did you mean ${meant}?`
      return { verdict: 'wrong', subject, fact: choice.because, nextStep }
    })
}

/** Whether it can be fetched by its name, as far as the catalogue says. */
function isIn(upstreams: readonly Upstream[], name: string): boolean {
  try {
    return wishesOf(name, upstreams).length > 0
  } catch (fault) {
    if (fault instanceof UpstreamFault) return false
    throw fault
  }
}

/** What the settings want of an image: that it runs in memory, is written to a disk, or has an installer. */
type ImageUse = { readonly name: string; readonly use: 'run' | 'write' | 'install' }

function imageUsesOf({ defaults, machines }: Config): readonly ImageUse[] {
  const uses = [defaults, ...machines].flatMap(({ method, image, ephemeral }): ImageUse[] => {
    const runs = ephemeral === undefined ? [] : [{ name: ephemeral, use: 'run' as const }]
    if (image === undefined) return runs
    if (method === 'disk') return [{ name: image, use: 'write' }, ...runs]
    return [{ name: image, use: method === 'autoinstall' ? 'install' : 'run' }, ...runs]
  })
  return [...new Map(uses.map((wanted) => [`${wanted.use} ${wanted.name}`, wanted])).values()]
}

function chosenFor(shelf: ImageShelf, name: string, use: ImageUse['use']): ImageChoice {
  switch (use) {
    case 'run':
      return shelf.choose(name)
    case 'write':
      return shelf.chooseDisk(name)
    case 'install':
      return shelf.chooseInstaller(name)
  }
}
