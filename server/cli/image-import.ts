import { resolve } from 'node:path'
import { importOwnImage, type OwnImage } from '../appliance/image-store.ts'
import { isName } from '../config/image-name.ts'
import { parseSha256 } from '../wire/sha256.ts'
import type { ImageAct } from '../http/image-acts.ts'
import type { Call } from './call.ts'
import { onRecord, type Came } from './image-record.ts'
import { workPrinter } from './work-printer.ts'
import { WronglyCalled } from './wrongly-called.ts'

/** Imports an image from a file or a URL, and prints what came of it. */
export async function importFrom(call: Call, given: string): Promise<number> {
  const name = text(call, 'name')
  if (name === undefined || !isName(name)) {
    throw new WronglyCalled('give the image a name, --name NAME: letters, digits, dots, hyphens, underscores')
  }
  const version = text(call, 'version') ?? versionAt(call.now())
  if (!isName(version)) throw new WronglyCalled(`${version} is not a version: letters, digits, dots, hyphens`)
  const digest = text(call, 'sha256')
  const sha256 = digest === undefined ? undefined : parseSha256(digest)
  if (digest !== undefined && sha256 === undefined) {
    throw new WronglyCalled('--sha256 takes the 64 hexadecimal digits that `sha256sum FILE` prints')
  }
  const own: OwnImage = {
    from: /^[a-z]+:\/\//i.test(given) ? { kind: 'url', url: given } : { kind: 'file', path: resolve(given) },
    name,
    version,
    sha256,
    kernel: text(call, 'kernel'),
    initrd: text(call, 'initrd'),
    architecture: architectureOf(call),
    now: call.now,
  }
  return await onRecord(call, actOf(own), async (came) => await bring(call, own, came))
}

async function bring(call: Call, own: OwnImage, came: Came): Promise<number> {
  const { config } = call.settings()
  const { name, version } = own
  const work = workPrinter(call)
  const manifest = await importOwnImage(config, own, work, process.env)
  const told = `${name}@${version} is here: ${Object.keys(manifest.files).join(', ')}`
  came(told)
  work.done(`${told}.`)
  if (call.output === 'json') call.print(JSON.stringify(manifest, undefined, 2))
  const { kernel, initrd, squashfs } = manifest.files
  if (squashfs !== undefined && (kernel === undefined || initrd === undefined)) {
    call.remark(
      'It has no kernel and initrd, so no machine can run it: import it with --kernel and --initrd.',
    )
  }
  if (config.images.some((one) => one.name === name)) {
    call.remark(
      `The settings have a folder of the name ${name} under images, and that counts before the store.`,
    )
  }
  return 0
}

/** As the audit log has it. */
function actOf({ from, name, version, sha256, kernel, initrd, architecture }: OwnImage): ImageAct {
  const on = `${name}@${version}`
  const place = from.kind === 'url' ? from.url : from.path
  return { act: 'image imported', on, from: place, sha256, kernel, initrd, architecture }
}

/** The time, in UTC: later imports have greater versions. */
function versionAt(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
}

function architectureOf(call: Call): 'amd64' | 'arm64' {
  const given = text(call, 'architecture') ?? (process.arch === 'arm64' ? 'arm64' : 'amd64')
  if (given === 'amd64' || given === 'arm64') return given
  throw new WronglyCalled(`--architecture is amd64 or arm64, not ${given}`)
}

function text(call: Call, name: string): string | undefined {
  const value = call.options[name]
  return typeof value === 'string' ? value : undefined
}
