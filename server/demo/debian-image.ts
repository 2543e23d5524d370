import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { constants as zlib, zstdCompress } from 'node:zlib'
import { buildOnce } from './build-once.ts'
import {
  sourceFiles,
  thisDistribution,
  transportOptions,
  type Distribution,
  type Processor,
} from './distribution.ts'
import { followProgram, needProgram } from './follow-program.ts'

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

export type DebianImageOrder = {
  /** Images are kept here, each in a folder named for everything it is made from. */
  readonly cacheFolder: string
  /** For which processor; left out, for that of this machine. */
  readonly processor?: Processor
  /** Called with one line for whoever waits: which step of how many, and what is going on in it. */
  readonly progress?: (step: string) => void
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
  // What a machine for a cluster enrols by.
  'openssl',
  'iproute2',
  'kmod',
  'busybox-static',
  // What writes an image to a disk, and prepares it there.
  'zstd',
  'fdisk',
  'e2fsprogs',
  'efibootmgr',
  // What a node is made with, and what gives it a key of its own.
  'apt',
  'openssl',
  'procps',
] as const

/** The kernels for virtual machines: few drivers, quickly up. Tried with Debian 12; Ubuntu's names are not tried yet. */
const kernels = {
  debian: { amd64: 'linux-image-cloud-amd64', arm64: 'linux-image-cloud-arm64' },
  ubuntu: { amd64: 'linux-image-virtual', arm64: 'linux-image-virtual' },
} as const

/** Emulated machines unpack lz4 soonest, and the wire of the rig is quick. */
const compression = ['-comp', 'lz4', '-Xhc', '-b', '128K'] as const

/** Raised when this file changes what comes out of a build. */
const recipeVersion = 3

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

/** The image of this recipe: from the cache, or built now and published whole. Needs root and the mirror that apt uses. */
export async function debianImage(order: DebianImageOrder): Promise<DebianImage> {
  const recipe = await readRecipe(order.processor ?? ownProcessor)
  const key = imageKey(recipe)
  const startedAt = performance.now()
  const report = (step: number, doing: string) => {
    order.progress?.(`${Math.round((performance.now() - startedAt) / 1_000)} s, step ${step} of 4: ${doing}`)
  }
  const folder = await buildOnce({
    cacheFolder: order.cacheFolder,
    key,
    isWhole: async (found) => (await readImage(found)) !== undefined,
    build: async (building) => {
      for (const tool of [...tools, ...(recipe.processor === ownProcessor ? [] : foreignTools)]) {
        await needProgram(tool)
      }
      await buildInto(building, recipe, report)
      report(4, 'checking and publishing')
      await writeManifest(building, { title: recipe.distribution.title, key })
    },
  })
  const image = await readImage(folder)
  if (image === undefined)
    throw new Error(`The image in ${folder} vanished while it was published. Build it again.`)
  return image
}

const otherwise = {
  otherwise: 'the demo image cannot be made',
  nextStep: "Is the mirror reachable ('apt-get update'), and is there 1 GB of free space?",
} as const

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
  await followProgram(
    [
      'mmdebstrap',
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
    {
      ...otherwise,
      onLine: (line) => {
        const said = /^I: (.*?)(\.\.\.)?$/.exec(line)?.[1]
        if (said === undefined) return
        if (/^running --(customize|extract)-hook/.test(said)) report(2, 'kernel, drivers and initrd')
        else if (/^(downloading|extracting|installing)/.test(said)) report(1, said)
      },
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
  await followProgram(['mksquashfs', ...words, ...excluded], otherwise)
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
  const distribution = await thisDistribution()
  const texts = new Map<string, string>()
  const names = await readdir(material, { recursive: true })
  for (const name of names) {
    const url = new URL(name, material)
    if ((await stat(url)).isFile() && !name.endsWith('.md')) texts.set(name, await readFile(url, 'utf8'))
  }
  const kernel = kernels[distribution.id][processor]
  return { distribution, processor, packages, kernel, compression, material: texts }
}

/** A word as the shell reads it back unchanged. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
