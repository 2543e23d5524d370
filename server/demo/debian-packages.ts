import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
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
  const { cacheFolder, processor, names } = order
  const distribution = await thisDistribution()
  const codename = order.codename ?? distribution.codename
  const digest = createHash('sha256').update(JSON.stringify([distribution.id, codename, processor, names]))
  return await buildOnce({
    cacheFolder,
    key: `packages-${codename}-${processor}-${digest.digest('hex').slice(0, 16)}`,
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
      const about = { otherwise, nextStep, environment, cwd: join(work, 'packages') }
      await followProgram(['apt-get', 'update', '--error-on=any'], about)
      await followProgram(['apt-get', 'download', ...names], about)
      for (const file of await readdir(about.cwd)) {
        await followProgram(['dpkg-deb', '--extract', file, building], about)
      }
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
