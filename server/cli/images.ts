import { existsSync } from 'node:fs'
import { machinesInWords } from '../appliance/approved-images.ts'
import { sweepImages, sweptInWords } from '../appliance/image-jobs.ts'
import {
  pinImage,
  placesOfFiles,
  removeImage,
  unpinImage,
  verifyImages,
  versionNamed,
  viewImages,
} from '../appliance/image-store.ts'
import { size } from '../events/sentence.ts'
import type { ApplianceStatus, JobStatus } from '../http/api-app.ts'
import type { Origin } from '../images/manifest.ts'
import { ask } from './api-client.ts'
import type { Call, Command } from './call.ts'
import { importFrom } from './image-import.ts'
import { bytesOf, imageTable, jobLines, notesOf } from './image-lines.ts'
import { onRecord, type Came } from './image-record.ts'
import { sorryForImage } from './image-trouble.ts'
import { Silent } from './silence.ts'
import { socketOf } from './socket-of.ts'
import { Sorry } from './sorry.ts'
import { unknownVerb } from './unknown-verb.ts'
import { workPrinter } from './work-printer.ts'

type Verb =
  | { readonly words: 'none'; readonly run: (call: Call) => Promise<number> }
  | { readonly words: 'one'; readonly run: (call: Call, word: string) => Promise<number> }
  | { readonly words: 'any'; readonly run: (call: Call, words: readonly string[]) => Promise<number> }

const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['list', { words: 'none', run: list }],
  [
    'sync',
    {
      words: 'any',
      // What reads signatures is large, and the other commands need none of it.
      run: async (call, words) => await (await import('./image-sync.ts')).syncNow(call, words),
    },
  ],
  ['show', { words: 'one', run: show }],
  ['import', { words: 'one', run: importFrom }],
  ['pin', { words: 'one', run: pin }],
  ['unpin', { words: 'one', run: unpin }],
  ['remove', { words: 'one', run: remove }],
  ['verify', { words: 'none', run: verify }],
  ['sweep', { words: 'none', run: sweep }],
])

export const images: Command = {
  usage:
    'ironwake images list | show IMAGE | sync [IMAGE …] | import FILE|URL --name NAME | pin IMAGE | unpin IMAGE |\n' +
    '                remove NAME@VERSION | verify | sweep',
  about:
    'The image store in the data folder, on the box itself. IMAGE is a name, whose newest version is meant, or NAME@VERSION.\n' +
    '`sync` fetches what the settings ask for (image-sync), or the images named; docs/image-sync.md lists the names.\n' +
    '`import` takes a raw or qcow2 disk, a squashfs (with --kernel and --initrd, to run from memory), a tar.gz of a\n' +
    "root, Ubuntu's netboot tarball or its server ISO; what it is, its content says. A disk is converted once.\n" +
    '`pin` keeps a version from the sweep. `remove` takes one version away that no machine is to have. `verify` reads everything and compares it\n' +
    'with its digest; what is damaged is set aside and told, with exit code 1. `sweep` does now what is done every\n' +
    'night: older versions of synced images go (image-store: keep), never what a machine, an approval, a boot or a pin uses.\n' +
    'What changes the store, and `verify`, is in the audit log (docs/audit.md), whether or not an appliance runs here.',
  options: {
    name: { type: 'string', about: 'import: the name that machines are given it by' },
    version: { type: 'string', about: 'import: its version (default: the time, in UTC)' },
    sha256: { type: 'string', about: 'import: the digest that the file must have; by http it is needed' },
    kernel: { type: 'string', about: 'import: a kernel that goes with a squashfs' },
    initrd: { type: 'string', about: 'import: its initrd, of the kind images.maas.io offers' },
    architecture: { type: 'string', about: 'import: amd64 or arm64, where the files do not say' },
  },
  examples: [
    'ironwake images list',
    'ironwake images sync ubuntu-24.04-amd64',
    'ironwake images import noble-server-cloudimg-amd64.img --name noble --sha256 3ba9…',
    'ironwake images import root.squashfs --kernel vmlinuz --initrd initrd --name rescue --version 3',
    'ironwake images pin noble@20260401',
    'ironwake images remove noble@20260401',
    'ironwake images verify --output json | jq -r ".damaged[].sha256"',
  ],
  async run(call) {
    const [name = '', ...words] = call.words
    const running = started(call, verbs.get(name), words)
    if (running === undefined) {
      throw unknownVerb(call.words[0], {
        known: [...verbs.keys()],
        say: `say one of: ${this.usage.replaceAll(/\s+/g, ' ').replace('ironwake images ', '')}`,
      })
    }
    try {
      return await running
    } catch (error) {
      throw sorryForImage(error)
    }
  },
}

/** `undefined` where the words make no call. */
function started(call: Call, verb: Verb | undefined, words: readonly string[]): Promise<number> | undefined {
  const [first] = words
  switch (verb?.words) {
    case 'none':
      return first === undefined ? verb.run(call) : undefined
    case 'one':
      return first !== undefined && words.length === 1 ? verb.run(call, first) : undefined
    case 'any':
      return verb.run(call, words)
    case undefined:
      return undefined
  }
}

async function list(call: Call): Promise<number> {
  const { config } = call.settings()
  const view = await viewImages(config)
  const jobs = await jobsOf(call)
  const isTold = jobs !== undefined && !(jobs instanceof Silent)
  if (call.output === 'json') {
    call.print(JSON.stringify({ ...view, folders: config.images, jobs: isTold ? jobs : [] }, undefined, 2))
    return 0
  }
  if (view.versions.length + config.images.length === 0) {
    call.remark('There is no image yet. Fetch one, ironwake images sync ubuntu-24.04-amd64, or import one.')
  } else call.print(imageTable(view, config.images, call.now()))
  for (const { path, because } of view.unreadable) {
    call.remark(`${path} cannot be read: ${because}. While it is there, no blob is deleted; remove the file.`)
  }
  if (jobs === undefined)
    call.remark('No appliance is running here, so nothing is fetched or swept by the clock.')
  else if (!isTold) call.remark(`What is fetched and swept by the clock is not known: ${jobs.message}.`)
  else for (const line of jobLines(jobs, call.now())) call.remark(line)
  return 0
}

async function show(call: Call, name: string): Promise<number> {
  const { config } = call.settings()
  const view = await versionNamed(config, name)
  const { manifest } = view
  const files = placesOfFiles(config, manifest)
  if (call.output === 'json') {
    call.print(JSON.stringify({ ...view, places: files }, undefined, 2))
    return 0
  }
  const facts: readonly (readonly [string, string])[] = [
    ['image', view.version],
    ['for', manifest.architecture],
    ['from', fromWhere(manifest.origin)],
    ['since', new Date(manifest.publishedAt).toISOString()],
    ['size', size(bytesOf(view))],
    ['notes', notesOf(view).join(', ') || '-'],
  ]
  for (const [label, value] of facts) call.print(`${label.padEnd(6)} ${value}`)
  for (const { role, file, path, url } of files) {
    const unpacked = file.unpackedByteCount === undefined ? '' : `, ${size(file.unpackedByteCount)} unpacked`
    call.print('')
    call.print(`${role}: ${file.form}, ${size(file.byteCount)}${unpacked}`)
    call.print(`  SHA-256 ${file.sha256}`)
    if (url !== undefined) call.print(`  served as ${url}`)
    call.print(`  in ${path}`)
  }
  return 0
}

async function pin(call: Call, name: string): Promise<number> {
  return await onRecord(call, { act: 'image pinned', on: name }, async (came) => {
    const found = await pinImage(call.settings().config, name)
    came(`${found.version} is pinned`)
    if (call.output === 'json') call.print(JSON.stringify(found, undefined, 2))
    else call.print(`${found.version} is pinned: no sweep takes it.`)
    return 0
  })
}

async function unpin(call: Call, name: string): Promise<number> {
  return await onRecord(call, { act: 'image unpinned', on: name }, async (came) => {
    const found = await unpinImage(call.settings().config, name)
    came(`${found.version} is no longer pinned`)
    if (call.output === 'json') call.print(JSON.stringify(found, undefined, 2))
    else call.print(`${found.version} is no longer pinned.`)
    return 0
  })
}

async function remove(call: Call, name: string): Promise<number> {
  return await onRecord(
    call,
    { act: 'image removed', on: name },
    async (came) => await removeNow(call, name, came),
  )
}

async function removeNow(call: Call, name: string, came: Came): Promise<number> {
  const removed = await removeImage(call.settings().config, name, call.now())
  const { leaves } = removed
  came(`${removed.version} is gone; ${size(removed.freedBytes)} are free`)
  if (leaves.length > 0) {
    call.remark(
      `${removed.version} is what ${machinesInWords(leaves)} ${leaves.length === 1 ? 'was' : 'were'} approved for; to be installed again they need another image: ironwake machines approve MACHINE --keep --image NAME`,
    )
  }
  if (call.output === 'json') {
    call.print(JSON.stringify(removed, undefined, 2))
    return 0
  }
  call.print(`${removed.version} is gone; ${size(removed.freedBytes)} are free.`)
  if (removed.putOff !== undefined) call.remark(`Its files go with the next sweep: ${removed.putOff}.`)
  return 0
}

async function verify(call: Call): Promise<number> {
  return await onRecord(call, { act: 'images verified' }, async (came) => await verifyNow(call, came))
}

async function verifyNow(call: Call, came: Came): Promise<number> {
  const work = workPrinter(call)
  const verified = await verifyImages(call.settings().config, work)
  const { damaged, lacking, unreadable, blobs, byteCount, versions } = verified
  work.done(`${blobs} blobs of ${versions} versions were read, ${size(byteCount)}.`)
  const isWell = damaged.length + lacking.length + unreadable.length === 0
  const aside = damaged.map(({ sha256 }) => sha256).join(', ')
  came(isWell ? 'all are well' : `not all are well; set aside: ${aside === '' ? 'nothing' : aside}`)
  if (call.output === 'json') {
    call.print(JSON.stringify(verified, undefined, 2))
    return isWell ? 0 : 1
  }
  for (const { sha256, because, aside } of damaged) {
    call.print(`${sha256} is damaged: ${because}. It was set aside as ${aside}.`)
  }
  for (const { manifest, role } of lacking) {
    const version = `${manifest.name}@${manifest.version}`
    call.print(`${version} lacks its ${role}, so that no machine gets it.`)
    call.print(`  ${mend(version, manifest.origin)}`)
  }
  for (const { path, because } of unreadable) {
    call.print(`${path} cannot be read: ${because}.`)
    call.print('  Remove the file, then bring that version anew.')
  }
  if (damaged.length > 0) call.print('Look at the health of the disk and the memory of this box.')
  call.print(isWell ? 'All are well.' : 'NOT all are well.')
  return isWell ? 0 : 1
}

function mend(version: string, origin: Origin): string {
  if (origin.kind === 'stream') return 'Fetch it anew: ironwake images sync'
  return `Remove it, ironwake images remove ${version}, and import it anew from ${fromWhere(origin)}.`
}

async function sweep(call: Call): Promise<number> {
  return await onRecord(call, { act: 'images swept' }, async (came) => {
    const swept = await sweepImages(call.settings().config, { now: call.now(), orphansKeptMs: 0 })
    const words = sweptInWords(swept)
    came(words ?? 'nothing was to be swept')
    if (call.output === 'json') call.print(JSON.stringify(swept, undefined, 2))
    else call.print(words ?? 'Nothing was to be swept.')
    return swept.kind === 'swept' ? 0 : 1
  })
}

function fromWhere(origin: Origin): string {
  switch (origin.kind) {
    case 'file':
      return origin.path
    case 'url':
      return origin.url
    case 'stream':
      return `${origin.url} (${origin.product})`
  }
}

/** The list of images needs the box only for what it does by the clock, and waits no longer. */
const silenceMs = 10_000

/** The jobs of the appliance that runs here; `undefined` where none does. */
async function jobsOf(call: Call): Promise<readonly JobStatus[] | Silent | undefined> {
  const socket = socketOf(call)
  if (!existsSync(socket)) return undefined
  try {
    const box = { socket, stop: call.stop, silenceMs }
    return ((await ask(box, 'GET', '/api/v1/status')) as ApplianceStatus).jobs
  } catch (error) {
    if (error instanceof Silent) return error
    if (error instanceof Sorry) return undefined
    throw error
  }
}
