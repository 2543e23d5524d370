import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { buildOnce } from './build-once.ts'
import { sourceFiles, thisDistribution, type Processor } from './distribution.ts'
import { followProgram, needProgram } from './follow-program.ts'

/** Packages to look into. They are not installed here: they may be for another processor, or of another release. */
export type PackagesOrder = {
  /** Kept here, in a folder named for everything that is asked for. */
  readonly cacheFolder: string
  readonly processor: Processor
  readonly names: readonly string[]
  /** Left out, that of this machine. The mirror is its own in any case. */
  readonly codename?: string
}

const tools = [
  { program: 'apt-get', debianPackage: 'apt' },
  { program: 'dpkg-deb', debianPackage: 'dpkg' },
] as const

/** The files of the packages, below a folder as they would lie below `/`. */
export async function unpackedPackages(order: PackagesOrder): Promise<string> {
  return await madeByApt(order, 'packages', async ({ building, packages, about }) => {
    await followProgram(['apt-get', 'download', ...order.names], about)
    for (const file of await readdir(packages)) {
      await followProgram(['dpkg-deb', '--extract', join(packages, file), building], about)
    }
  })
}

/** A folder with the packages themselves, and, where that is asked for, with all that they depend on. */
export async function fetchedPackages(
  order: PackagesOrder & { readonly dependencies: 'too' | 'left-out' },
): Promise<string> {
  return await madeByApt(order, `debs-${order.dependencies}`, async ({ building, packages, about }) => {
    const from = order.dependencies === 'too' ? join(packages, '../cache/archives') : packages
    // Nothing is installed, so the lock of this machine's packages is not needed.
    const closure = [
      'install',
      '--yes',
      '--download-only',
      '--no-install-recommends',
      '-o',
      'Debug::NoLocking=1',
    ]
    const words = order.dependencies === 'too' ? closure : ['download']
    await followProgram(['apt-get', ...words, ...order.names], about)
    for (const file of await readdir(from)) {
      if (file.endsWith('.deb')) await rename(join(from, file), join(building, file))
    }
  })
}

/** Runs apt-get with lists of its own, in a folder of the cache. */
async function madeByApt(
  order: PackagesOrder,
  what: string,
  make: (apt: {
    readonly building: string
    /** An empty folder, and the one that programs are run in. */
    readonly packages: string
    readonly about: Parameters<typeof followProgram>[1]
  }) => Promise<void>,
): Promise<string> {
  const { cacheFolder, processor, names } = order
  const distribution = await thisDistribution()
  const codename = order.codename ?? distribution.codename
  const digest = createHash('sha256').update(JSON.stringify([distribution.id, codename, processor, names]))
  return await buildOnce({
    cacheFolder,
    key: `${what}-${codename}-${processor}-${digest.digest('hex').slice(0, 16)}`,
    isWhole: async (folder) => (await stat(folder).catch(() => undefined)) !== undefined,
    build: async (building) => {
      for (const tool of tools) await needProgram(tool)
      const work = join(building, '.apt')
      const environment = { APT_CONFIG: await aptOfItsOwn(work, processor) }
      for (const file of await sourceFiles(distribution)) {
        const sources = sourcesOf(await readFile(file, 'utf8'), { from: distribution.codename, to: codename })
        await writeFile(join(work, 'sources', basename(file)), sources)
      }
      const otherwise = `${names.join(', ')} for ${processor} of ${codename} cannot be fetched`
      const nextStep = "Is the mirror reachable ('apt-get update'), and does it keep this release?"
      const packages = join(work, 'packages')
      const about = { otherwise, nextStep, environment, cwd: packages }
      await followProgram(['apt-get', 'update', '--error-on=any'], about)
      await make({ building, packages, about })
      await rm(work, { recursive: true })
    },
  })
}

/** The configuration by which apt knows nothing of this machine but how it reaches its mirrors, and changes nothing of it. */
async function aptOfItsOwn(work: string, processor: Processor): Promise<string> {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'sources', 'packages']) {
    await mkdir(join(work, folder), { recursive: true })
  }
  const status = join(work, 'status')
  await writeFile(status, '')
  const configuration = join(work, 'apt.conf')
  const options = {
    'APT::Architecture': processor,
    'APT::Architectures': processor,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Dir::State': work,
    'Dir::State::Lists': join(work, 'lists'),
    'Dir::State::Status': status,
    'Dir::Cache': join(work, 'cache'),
    'Dir::Etc::SourceList': '/dev/null',
    'Dir::Etc::SourceParts': join(work, 'sources'),
  }
  const lines = Object.entries(options).map(([name, value]) => `${name} "${value}";\n`)
  await writeFile(configuration, lines.join(''))
  return configuration
}

/** The same mirrors for another release: every `bookworm`, `bookworm-updates` and so on that stands by itself. */
export function sourcesOf(text: string, release: { readonly from: string; readonly to: string }): string {
  return text.replaceAll(new RegExp(`(?<=\\s)${release.from}(?=(?:-[a-z]+)?(?:\\s|$))`, 'gm'), release.to)
}
