import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { AgentMaterial } from '../cloud-init/node-agent.ts'
import type { EnrolmentMaterial } from '../cloud-init/enrolment-parts.ts'
import { nodeTemplateNames, type NodeTemplates } from '../cloud-init/node-cloud-config.ts'
import { programFiles, raspberryPiFolder } from '../boot/programs.ts'
import { pairsIn, signedIpxeIn, type SignedIpxePair } from './signed-ipxe-in.ts'
import { namesIn, type ScriptLanguage, type Templates } from '../ipxe-scripts/templates.ts'

/**
 * Boot programs by file name. One is read when the first machine asks for it, and is kept from then on: all that are there
 * take 7 MB, of which a site needs one or two.
 */
export type Programs = Pick<ReadonlyMap<string, Uint8Array>, 'get' | 'keys'>

/** More is no boot program. */
const programLimitBytes = 16 * 1024 * 1024

/**
 * Finds the boot programs of the folders, and the files of further names there; a file in an earlier folder hides its
 * namesake in a later one.
 */
export function findPrograms(folders: readonly string[], further: Iterable<string> = []): Programs {
  return readWhenAsked(programPaths(folders, further))
}

/** Where each of them lies, by the name under which it is served. */
export function programPaths(
  folders: readonly string[],
  further: Iterable<string> = [],
): ReadonlyMap<string, string> {
  const wanted = [...programFiles, ...[...further].map((name) => ({ name, onDisk: [name] }))]
  const found = new Map<string, string>()
  for (const folder of folders) {
    const there = new Set(filesIn(folder))
    addSignedIpxe(found, signedIpxeIn(folder))
    // Its files have the names of others: its iPXE that of the unsigned one, its shim that of the distribution's.
    const isOfSignedIpxe = pairsIn(folder).some(({ kind }) => kind === 'pair')
    for (const { name, onDisk } of wanted) {
      if (found.has(name) || isOfSignedIpxe) continue
      const file = onDisk.find((candidate) => there.has(candidate))
      if (file === undefined) continue
      const path = join(folder, file)
      const size = sizeOf(path)
      if (size > 0 && size <= programLimitBytes) found.set(name, path)
    }
    if (there.has(raspberryPiFolder)) addRaspberryPi(found, join(folder, raspberryPiFolder))
  }
  return found
}

function readWhenAsked(paths: ReadonlyMap<string, string>): Programs {
  const read = new Map<string, Uint8Array>()
  return {
    keys: () => paths.keys(),
    get(name) {
      const path = paths.get(name)
      const bytes = read.get(name) ?? (path === undefined ? undefined : bytesOf(path))
      if (bytes !== undefined) read.set(name, bytes)
      return bytes
    },
  }
}

/** `undefined` for a file that has gone, or has grown beyond the limit, since it was found. */
function bytesOf(path: string): Uint8Array | undefined {
  const size = sizeOf(path)
  if (size === 0 || size > programLimitBytes) return undefined
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

/** Pair by pair: what shim loads is the file that was beside it. */
function addSignedIpxe(found: Map<string, string>, pairs: readonly SignedIpxePair[]): void {
  for (const pair of pairs) {
    if (pair.kind === 'refused' || [...pair.paths.keys()].some((name) => found.has(name))) continue
    for (const [name, path] of pair.paths) found.set(name, path)
  }
}

/** Files of a whole boot partition without its kernels of distributions. */
const raspberryPiLimits = { files: 512, bytes: 64 * 1024 * 1024 }

/** All files below the folder, under `raspberry-pi/…`; what is beyond the limits is left out. */
function addRaspberryPi(found: Map<string, string>, folder: string): void {
  let room = raspberryPiLimits.bytes
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).toSorted()
  for (const path of paths.slice(0, raspberryPiLimits.files)) {
    const name = `${raspberryPiFolder}/${relative(folder, path)}`
    const size = sizeOf(path)
    if (found.has(name) || size > programLimitBytes || size > room) continue
    room -= size
    found.set(name, path)
  }
}

/** In bytes; 0 for what is not there. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // A folder of the defaults that this box has not; `check` says which programs are missing.
    return []
  }
}

const templateFolder = new URL('../../ipxe-scripts/', import.meta.url)

/** The cloud-config that all machines of the method `ram` have in common. */
export function readRamVendorData(): string {
  return readFileSync(new URL('../../cloud-init/ram/vendor-data.yaml', import.meta.url), 'utf8')
}

/** The files that nodes of Kubernetes are made with. */
export function readNodeTemplates(): NodeTemplates {
  const folder = new URL('../../cloud-init/kubernetes/', import.meta.url)
  const texts = nodeTemplateNames.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')])
  return Object.fromEntries(texts) as NodeTemplates
}

/** What leads the system of a node into its cluster. */
export function readAgentMaterial(): AgentMaterial {
  const textOf = (name: string) =>
    readFileSync(new URL(`../../cloud-init/node/${name}`, import.meta.url), 'utf8')
  return {
    agent: textOf('node-agent'),
    enrolment: textOf('enrolment'),
    unit: textOf('ironwake-node.service'),
  }
}

/** The network that pods of a cluster have between them. */
export function readFlannel(): string {
  return readFileSync(new URL('../../cloud-init/kubernetes/flannel.yaml', import.meta.url), 'utf8')
}

/** What systems enrol by that a box starts. */
export function readEnrolmentMaterial(): EnrolmentMaterial {
  const folder = new URL('../../cloud-init/node/', import.meta.url)
  return {
    functions: readFileSync(new URL('enrolment', folder), 'utf8'),
    inMemory: readFileSync(new URL('enrol-in-memory', folder), 'utf8'),
  }
}

/** What is given to machines whose disk is written. */
export type DiskMaterial = {
  /** What the programs have in common that ask the box about disks. */
  readonly askBox: string
  /** Writes an image. */
  readonly writeDisk: string
  /** Leads the distribution's installer. */
  readonly leadInstaller: string
  /** What all nodes on a disk have in common. */
  readonly vendorData: string
}

export function readDiskMaterial(): DiskMaterial {
  const textOf = (name: string) => readFileSync(new URL(`../../cloud-init/${name}`, import.meta.url), 'utf8')
  return {
    askBox: textOf('disk/ask-box'),
    writeDisk: textOf('disk/write-disk'),
    leadInstaller: textOf('autoinstall/lead-installer'),
    vendorData: textOf('disk/vendor-data.yaml'),
  }
}

export function readTemplates(language: ScriptLanguage = 'ipxe'): Templates {
  const texts = namesIn[language].map((name) => [
    name,
    readFileSync(new URL(`${name}.${language}`, templateFolder), 'utf8'),
  ])
  return Object.fromEntries(texts) as Templates
}
