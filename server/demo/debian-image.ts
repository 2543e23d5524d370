import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { constants as fileSystem, createReadStream } from 'node:fs'
import { access, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { constants as zlib, zstdCompress } from 'node:zlib'

const execute = promisify(execFile)
const compress = promisify(zstdCompress)

/** What a machine loads to boot the demo image over the network. */
export type DebianImage = {
  readonly folder: string
  readonly vmlinuz: string
  readonly initrd: string
  readonly squashfs: string
  readonly manifest: ImageManifest
}

export type ImageManifest = {
  readonly title: string
  readonly key: string
  readonly files: { readonly [name in ImageFile]: { readonly bytes: number; readonly sha256: string } }
}

export type ImageFile = (typeof imageFiles)[number]
const imageFiles = ['vmlinuz', 'initrd', 'squashfs'] as const

/** Processors, in Debian's words. */
export type Processor = 'amd64' | 'arm64'

export type DebianImageOrder = {
  /** Images are kept here, each in a folder named for everything it is made from. */
  readonly cacheFolder: string
  /** For which processor; left out, for that of this machine. */
  readonly processor?: Processor
  /** Called with one line for whoever waits: which step of how many, and what is going on in it. */
  readonly progress?: (step: string) => void
}

/** The distribution of this machine; its own packages make the image. */
export type Distribution = {
  readonly id: 'debian' | 'ubuntu'
  readonly codename: string
  readonly title: string
}

/** Everything that decides what comes out of a build. */
export type Recipe = {
  readonly distribution: Distribution
  readonly processor: Processor
  readonly packages: readonly string[]
  readonly kernel: string
  readonly compression: readonly string[]
  /** The material, by path; `images/debian` of this project. */
  readonly material: ReadonlyMap<string, string>
}

const packages = [
  'systemd-sysv',
  'systemd',
  'udev',
  'cloud-init',
  'python3',
  'curl',
  'iproute2',
  'kmod',
  'busybox-static',
] as const

/** The kernels for virtual machines: few drivers, quickly up. Tried with Debian 12; Ubuntu's names are not tried yet. */
const kernels = {
  debian: { amd64: 'linux-image-cloud-amd64', arm64: 'linux-image-cloud-arm64' },
  ubuntu: { amd64: 'linux-image-virtual', arm64: 'linux-image-virtual' },
} as const

/** Emulated machines unpack lz4 soonest, and the wire of the rig is quick. */
const compression = ['-comp', 'lz4', '-Xhc', '-b', '128K'] as const

/** Raised when this file changes what comes out of a build. */
const recipeVersion = 2

/** The demo image is made on Linux on x64, whose programs it then runs. */
const ownProcessor = 'amd64'

const material = new URL('../../images/debian/', import.meta.url)

const tools = [
  { program: 'mmdebstrap', debianPackage: 'mmdebstrap' },
  { program: 'mksquashfs', debianPackage: 'squashfs-tools' },
  { program: 'apt-get', debianPackage: 'apt' },
] as const

/** What works on a root whose own programs cannot run here. */
const foreignTools = [
  { program: 'depmod', debianPackage: 'kmod' },
  { program: 'busybox', debianPackage: 'busybox' },
  { program: 'python3', debianPackage: 'python3' },
] as const

/** What neither the image nor its cloud-init reads; the lists of apt would also name the mirror they came from. */
const leftOut = ['etc/apt', 'var/lib/apt', 'var/cache/apt', 'tmp/finish', 'dev/*', 'run/*'] as const

/** The name of an image's folder: the same for the same recipe, another for any change in it. */
export function imageKey(recipe: Recipe): string {
  const { distribution, processor, kernel } = recipe
  const files = [...recipe.material].sort(([a], [b]) => (a < b ? -1 : 1))
  const digest = createHash('sha256').update(
    JSON.stringify([
      recipeVersion,
      distribution.id,
      distribution.codename,
      processor,
      kernel,
      recipe.packages,
      recipe.compression,
      files,
    ]),
  )
  return `${distribution.id}-${distribution.codename}-${processor}-${digest.digest('hex').slice(0, 16)}`
}

/** Reads /etc/os-release. */
export function parseDistribution(osRelease: string): Distribution {
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? ''
  const id = field('ID')
  const codename = field('VERSION_CODENAME')
  if ((id !== 'debian' && id !== 'ubuntu') || codename === '') {
    throw new Error(
      `The demo image is made from Debian's or Ubuntu's packages; this machine runs '${field('PRETTY_NAME')}'. Run the demo on Debian 12.`,
    )
  }
  return { id, codename, title: field('PRETTY_NAME') }
}

/** The image of this recipe: from the cache, or built now and published whole. Needs root and the mirror that apt uses. */
export async function debianImage(order: DebianImageOrder): Promise<DebianImage> {
  const recipe = await readRecipe(order.processor ?? ownProcessor)
  const key = imageKey(recipe)
  const folder = join(order.cacheFolder, key)
  const cached = await readImage(folder)
  if (cached !== undefined) return cached

  for (const tool of tools) await need(tool)
  if (recipe.processor !== ownProcessor) for (const tool of foreignTools) await need(tool)
  await mkdir(order.cacheFolder, { recursive: true })
  await removeAbandoned(order.cacheFolder)
  const building = join(order.cacheFolder, `building-${process.pid}-${key}`)
  const startedAt = performance.now()
  const report = (step: number, doing: string) => {
    order.progress?.(`${Math.round((performance.now() - startedAt) / 1_000)} s, step ${step} of 4: ${doing}`)
  }
  try {
    await mkdir(building)
    await buildInto(building, recipe, report)
    report(4, 'checking and publishing')
    await writeManifest(building, { title: recipe.distribution.title, key })
    await publish(building, folder)
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  const image = await readImage(folder)
  if (image === undefined)
    throw new Error(`The image in ${folder} vanished while it was published. Build it again.`)
  return image
}

async function buildInto(
  building: string,
  recipe: Recipe,
  report: (step: number, doing: string) => void,
): Promise<void> {
  const root = join(building, 'root')
  report(1, `packages of ${recipe.distribution.title}`)
  const finish = [
    quoted(fileURLToPath(new URL('finish-root', material))),
    '"$1"',
    quoted(building),
    recipe.kernel,
    recipe.processor,
  ]
  await follow(
    'mmdebstrap',
    [
      '--mode=root',
      ...variantFor(recipe.processor),
      '--format=directory',
      `--include=${recipe.packages.join(',')}`,
      '--aptopt=Apt::Install-Recommends "false"',
      ...(await transportOptions()).map((option) => `--aptopt=${option}`),
      ...['doc', 'man', 'locale', 'info'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`),
      `--${recipe.processor === ownProcessor ? 'customize' : 'extract'}-hook=${finish.join(' ')}`,
      recipe.distribution.codename,
      root,
      ...(await sourceFiles(recipe.distribution)),
    ],
    (line) => {
      const said = /^I: (.*?)(\.\.\.)?$/.exec(line)?.[1]
      if (said === undefined) return
      if (/^running --(customize|extract)-hook/.test(said)) report(2, 'kernel, drivers and initrd')
      else if (/^(downloading|extracting|installing)/.test(said)) report(1, said)
    },
  )

  const initrd = await readFile(join(building, 'initrd.cpio'))
  const params = { [zlib.ZSTD_c_compressionLevel]: 19 }
  await writeFile(join(building, 'initrd'), await compress(initrd, { params }))
  await rm(join(building, 'initrd.cpio'))

  report(3, 'compressing the root file system')
  const excluded = ['-wildcards', '-e', ...leftOut]
  const words = [
    root,
    join(building, 'squashfs'),
    ...recipe.compression,
    '-noappend',
    '-no-progress',
    '-quiet',
  ]
  await follow('mksquashfs', [...words, ...excluded], () => {})
  await rm(root, { recursive: true, force: true })
}

/** Where no program of the packages can run, they are only unpacked; `configure-root` then does what their scripts would. */
function variantFor(processor: Processor): readonly string[] {
  if (processor === ownProcessor) return ['--variant=essential']
  const mergedUsr = '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr'
  return ['--variant=extract', `--architectures=${processor}`, mergedUsr, '--include=?essential']
}

async function writeManifest(
  folder: string,
  about: { readonly title: string; readonly key: string },
): Promise<void> {
  const files: Partial<Record<ImageFile, { bytes: number; sha256: string }>> = {}
  for (const name of imageFiles) {
    const path = join(folder, name)
    const digest = createHash('sha256')
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) digest.update(chunk)
    files[name] = { bytes: (await stat(path)).size, sha256: digest.digest('hex') }
  }
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify({ ...about, files }, undefined, 2)}\n`)
}

/** A rename is all or nothing; where another process was quicker, its image is as good. */
async function publish(building: string, folder: string): Promise<void> {
  try {
    await rename(building, folder)
  } catch (error) {
    if ((await readImage(folder)) === undefined) throw error
  }
}

/** The image in this folder, or undefined when there is none or a file is not as long as the manifest says. */
async function readImage(folder: string): Promise<DebianImage | undefined> {
  let text: string
  try {
    text = await readFile(join(folder, 'manifest.json'), 'utf8')
  } catch {
    return undefined
  }
  const manifest = JSON.parse(text) as ImageManifest
  for (const name of imageFiles) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (found?.size !== manifest.files[name].bytes) return undefined
  }
  const [vmlinuz, initrd, squashfs] = [
    join(folder, 'vmlinuz'),
    join(folder, 'initrd'),
    join(folder, 'squashfs'),
  ]
  return { folder, vmlinuz, initrd, squashfs, manifest }
}

async function readRecipe(processor: Processor): Promise<Recipe> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `The demo image is made on Linux on x64; this machine is ${process.platform} on ${process.arch}.`,
    )
  }
  const distribution = parseDistribution(await readFile('/etc/os-release', 'utf8'))
  const texts = new Map<string, string>()
  const names = await readdir(material, { recursive: true })
  for (const name of names) {
    const url = new URL(name, material)
    if ((await stat(url)).isFile() && !name.endsWith('.md')) texts.set(name, await readFile(url, 'utf8'))
  }
  const kernel = kernels[distribution.id][processor]
  return { distribution, processor, packages, kernel, compression, material: texts }
}

/** The files in which this machine names its distribution's own mirrors; whatever else it has added is left aside. */
async function sourceFiles(distribution: Distribution): Promise<readonly string[]> {
  const format = ['$(RELEASE)', '$(ORIGIN)', '$(SOURCESENTRY)'].join('\t')
  const { stdout } = await execute('apt-get', ['indextargets', '--format', format, 'Identifier: Packages'])
  const files = chooseSourceFiles(stdout, distribution)
  if (files.length > 0) return files
  throw new Error(
    `apt knows no mirror of ${distribution.codename}. Look at /etc/apt/sources.list and /etc/apt/sources.list.d, then run 'apt-get update'.`,
  )
}

/** Picks the files from what `apt-get indextargets` printed: release, origin and `file:line`, tab between. */
export function chooseSourceFiles(targets: string, distribution: Distribution): readonly string[] {
  const releases = ['', '-updates', '-security'].map((suffix) => distribution.codename + suffix)
  const files = new Set<string>()
  for (const line of targets.split('\n')) {
    const [release, origin, entry] = line.split('\t')
    // A mirror made by hand may name no origin.
    const isOwn = origin === '' || origin?.toLowerCase() === distribution.id
    if (release !== undefined && releases.includes(release) && isOwn && entry !== undefined) {
      files.add(entry.replace(/:[0-9]+$/, ''))
    }
  }
  return [...files]
}

/** How this machine reaches its mirrors: proxies, certificates, retries. */
async function transportOptions(): Promise<readonly string[]> {
  const { stdout } = await execute('apt-config', ['dump'])
  return chooseTransportOptions(stdout)
}

/** Picks the lines from what `apt-config dump` printed. */
export function chooseTransportOptions(dump: string): readonly string[] {
  const wanted =
    /^Acquire::(https?::(Proxy|CaInfo|CaPath|Verify|Timeout)|Retries|ForceIPv[46])[^ ]* "[^"]+";$/
  return dump.split('\n').filter((line) => wanted.test(line))
}

/** Runs a long program, hands on its lines, and keeps the last of them for the error. */
async function follow(
  program: string,
  words: readonly string[],
  onLine: (line: string) => void,
): Promise<void> {
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', PATH: programFolders() },
  })
  const last: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      last.push(line)
      if (last.length > 15) last.shift()
      onLine(line)
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code === 0) return
  throw new Error(
    `${program} failed, and the demo image cannot be made. Its last words:\n${last.join('\n')}\nIs the mirror reachable ('apt-get update'), and is there 1 GB of free space?`,
  )
}

async function need(tool: { readonly program: string; readonly debianPackage: string }): Promise<void> {
  const folders = (process.env['PATH'] ?? '')
    .split(delimiter)
    .concat('/usr/sbin', '/usr/bin', '/sbin', '/bin')
  for (const folder of folders) {
    const found = await access(join(folder, tool.program), fileSystem.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return
  }
  throw new Error(`The program ${tool.program} is missing. Install the package ${tool.debianPackage}.`)
}

/** Where programs are looked for; a plain login shell leaves out the folders of the system's own. */
function programFolders(): string {
  return [process.env['PATH'] ?? '', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(delimiter)
}

/** A build that was killed leaves its folder behind; whoever builds next removes it. */
async function removeAbandoned(cacheFolder: string): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    const owner = /^building-([0-9]+)-/.exec(name)?.[1]
    if (owner === undefined) continue
    try {
      process.kill(Number(owner), 0)
    } catch {
      await rm(join(cacheFolder, name), { recursive: true, force: true })
    }
  }
}

/** A word as the shell reads it back unchanged. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
