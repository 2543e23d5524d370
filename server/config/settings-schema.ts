import { z } from 'zod'
import { parseIpv4, parseSubnet } from '../wire/ipv4.ts'
import type { Ipv4, Subnet } from '../wire/ipv4.ts'
import { isUnicastMac, parseMac } from '../wire/mac.ts'
import type { Mac } from '../wire/mac.ts'
import { apiSettings } from './api-settings.ts'
import { whyNotDomain, whyNotHostname } from './hostname.ts'
import { imageSyncSettings } from './image-sync-settings.ts'
import { closest } from './closest.ts'
import { isClusterName } from './cluster-name.ts'
import { identitySetting } from './identity-settings.ts'
import { isName, parseImageReference } from './image-name.ts'
import { jobSettings } from './job-settings.ts'
import { kubernetesSettings } from './kubernetes-settings.ts'
import { whyNotKernelParameter } from './kernel-parameter.ts'
import type { SettingsPath } from './mistake.ts'
import { whyNotLabelKey, whyNotLabelValue } from './node-label.ts'
import { parseBitRate } from './parse-bit-rate.ts'
import { parseDiskSelector } from './parse-disk-selector.ts'
import { parseDuration } from './parse-duration.ts'
import { parseTaint } from './parse-taint.ts'
import { powerSettings } from './power-settings.ts'
import { whyNotSshKey } from './ssh-key.ts'

/** More of anything is a generated file gone wrong. */
const most = {
  networks: 64,
  clusters: 256,
  machines: 10_000,
  reservations: 10_000,
  images: 256,
  keys: 64,
  parameters: 64,
  labels: 64,
  taints: 16,
}

/** Below, a client asks again before it has booted; above, an address is lost for months. */
const leaseBounds = { shortest: 10, longest: 31 * 86_400 }

/** Below, a machine would wait for its next piece longer than it waits for anything; above, no card goes. */
const linkBounds = { slowest: 10e6, fastest: 400e9 }

type Refine = z.RefinementCtx

function refuse(context: Refine, message: string, params: { readonly nextStep?: string } = {}): never {
  context.issues.push({ code: 'custom', input: context.value, message, params })
  return z.NEVER
}

/** Text that `read` understands, in the words of `wanted` when it does not. */
function textAs<T>(wanted: string, read: (text: string) => T | undefined) {
  return z
    .string()
    .transform((text, context) => read(text) ?? refuse(context, `${quoted(text)} is not ${wanted}.`))
}

/** Text that nothing speaks against. */
function textUnless(wanted: string, whyNot: (text: string) => string | undefined) {
  return z.string().superRefine((text, context) => {
    const because = whyNot(text)
    if (because !== undefined) refuse(context, `${quoted(text)} is not ${wanted}: ${because}.`)
  })
}

function quoted(text: string): string {
  return text.length <= 40 ? `"${text}"` : `"${text.slice(0, 39)}…"`
}

/** A MAC that names one machine, told why when it does not. */
export function readMac(
  value: unknown,
): { readonly mac: Mac } | { readonly because: string; readonly nextStep?: string } {
  if (typeof value !== 'string') {
    // `525400123456` without quotes is a number to YAML, and `52:54:…` to YAML 1.1 as well.
    const nextStep = 'Write it in quotes, as "52:54:00:12:34:56".'
    return { because: `A MAC address must be text, this is ${kindOf(value)}.`, nextStep }
  }
  const mac = parseMac(value)
  if (mac === undefined)
    return {
      because: `${quoted(value)} is not a MAC address.`,
      nextStep: 'It has six pairs of hexadecimal digits, as 52:54:00:12:34:56.',
    }
  if (!isUnicastMac(mac))
    return { because: `${quoted(value)} is the address of a group or of nobody, not of one machine.` }
  return { mac }
}

const mac = z.unknown().transform((value, context) => {
  const read = readMac(value)
  return 'mac' in read
    ? read.mac
    : refuse(context, read.because, read.nextStep === undefined ? {} : { nextStep: read.nextStep })
})

const ipv4 = textAs('an IPv4 address', parseIpv4)

/** An address, with or without the length of its network's prefix: `10.0.0.1`, `10.0.0.1/24`. */
export function readAddress(
  text: string,
): { readonly address: Ipv4; readonly prefixLength?: number } | undefined {
  const [addressText = '', lengthText, ...rest] = text.split('/')
  const address = parseIpv4(addressText)
  if (address === undefined || rest.length > 0) return undefined
  if (lengthText === undefined) return { address }
  // A network with hosts on it has room for two beside its own and its broadcast address.
  return /^(?:[89]|[12][0-9]|30)$/.test(lengthText)
    ? { address, prefixLength: Number(lengthText) }
    : undefined
}

/** The subnet behind a relay; the same lengths as for an address of the box. */
export function readSubnet(text: string): Subnet | undefined {
  const prefixLength = readAddress(text)?.prefixLength
  const subnet = prefixLength === undefined ? undefined : parseSubnet(text)
  return subnet !== undefined && text.startsWith(`${subnet.network}/`) ? subnet : undefined
}

export function readPool(text: string): { readonly first: Ipv4; readonly last: Ipv4 } | undefined {
  const [firstText = '', lastText = '', ...rest] = text.split('-').map((part) => part.trim())
  const [first, last] = [parseIpv4(firstText), parseIpv4(lastText)]
  return first === undefined || last === undefined || rest.length > 0 ? undefined : { first, last }
}

const seconds = z.unknown().transform((value, context) => {
  const read = parseDuration(value)
  if (read === undefined)
    return refuse(context, 'This is not a time.', {
      nextStep: 'Write seconds, or a number with s, m, h or d: 90, 2m, 12h.',
    })
  if (read < leaseBounds.shortest || read > leaseBounds.longest) {
    return refuse(
      context,
      `A lease lasts between ${leaseBounds.shortest} seconds and ${leaseBounds.longest / 86_400} days.`,
    )
  }
  return read
})

const bitRate = z.unknown().transform((value, context) => {
  const read = parseBitRate(value)
  if (read === undefined)
    return refuse(context, 'This is not the speed of a link.', {
      nextStep: 'Write a number with Mbit/s or Gbit/s: 900Mbit/s.',
    })
  if (read < linkBounds.slowest || read > linkBounds.fastest) {
    return refuse(context, 'The speed of a link lies between 10 Mbit/s and 400 Gbit/s.')
  }
  return read
})

const port = z.int().min(1).max(65_535)

const hostname = textUnless('a host name', whyNotHostname)

const name = z.string().superRefine((text, context) => {
  if (isName(text)) return
  refuse(context, `${quoted(text)} is not a name.`, {
    nextStep: 'Use letters, digits, dots, hyphens and underscores, at most 64.',
  })
})

/** A folder under images, or an image of the store: whether it is there is looked at when it is wanted. */
const imageReference = z.string().superRefine((text, context) => {
  if (parseImageReference(text) !== undefined) return
  refuse(context, `${quoted(text)} is not the name of an image.`, {
    nextStep: 'Write it as noble, or as noble@20260401 for one version; `ironwake images list` shows them.',
  })
})

/** The limits of the kernel: 15 bytes, no slash, no colon, no white space (`dev_valid_name`, net/core/dev.c). */
const interfaceName = z.string().superRefine((text, context) => {
  if (/^(?!\.{1,2}$)[^/:\s]{1,15}$/.test(text)) return
  refuse(context, `${quoted(text)} is not the name of a network interface.`, {
    nextStep: '`ip link` lists them.',
  })
})

const folder = z.string().superRefine((text, context) => {
  if (text === '') refuse(context, 'A folder must be named here.')
  if (text.includes('\0') || text.length > 4_095) refuse(context, 'This is not the path of a folder.')
})

/** A number of option 93, or `other`. */
function readArchitecture(key: string): number | 'other' | undefined {
  if (key === 'other') return key
  return /^(?:0|[1-9][0-9]{0,4})$/.test(key) && Number(key) <= 65_535 ? Number(key) : undefined
}

const bootFiles = z.unknown().transform((value, context): ReadonlyMap<number | 'other', string> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(context, `This must be a group of settings, it is ${kindOf(value)}.`)
  }
  const files = new Map<number | 'other', string>()
  for (const [key, file] of Object.entries(value)) {
    const wrong = (message: string, nextStep: string) =>
      context.issues.push({ code: 'custom', input: file, message, path: [key], params: { nextStep } })
    const architecture = readArchitecture(key)
    if (architecture === undefined) {
      wrong(
        `${quoted(key)} is not the number of an architecture.`,
        'Write the number of option 93, as 22, or `other`; the event firmware-without-program names it.',
      )
    } else if (typeof file !== 'string' || !/^[a-z0-9][a-z0-9._+-]{0,99}$/i.test(file)) {
      wrong(
        'This is not the name of a file.',
        'Write a name without a folder, as boot.scr; the file lies in a folder of boot-programs.',
      )
    } else files.set(architecture, file)
  }
  return files
})

const diskSelector = z.string().transform((text, context) => {
  const read = parseDiskSelector(text)
  if (read.kind === 'selector') return read.selector
  const { because, nextStep } = read
  return refuse(context, `${quoted(text)} names no disk: ${because}.`, { nextStep })
})

const clusterName = z.string().superRefine((text, context) => {
  if (isClusterName(text)) return
  refuse(context, `${quoted(text)} is not the name of a cluster.`, {
    nextStep: 'It has small letters, digits and hyphens, as lab; `ironwake clusters list` shows them.',
  })
})

const labels = z.unknown().transform((value, context): Readonly<Record<string, string>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(context, `This must be a group of settings, it is ${kindOf(value)}.`, {
      nextStep: 'Write `labels: {rack: r1}`.',
    })
  }
  const entries = Object.entries(value)
  if (entries.length > most.labels) return refuse(context, `At most ${most.labels} may be listed here.`)
  const read: Record<string, string> = {}
  for (const [key, text] of entries) {
    const wrong = (message: string, nextStep: string) =>
      context.issues.push({ code: 'custom', input: text, message, path: [key], params: { nextStep } })
    const howTo = 'Kubernetes wants letters, digits, dots, hyphens and underscores, at most 63.'
    if (whyNotLabelKey(key) !== undefined) wrong(`${quoted(key)} is not the key of a label.`, howTo)
    else if (typeof text !== 'string') {
      wrong(`The value of a label must be text, this is ${kindOf(text)}.`, 'Write it in quotes.')
    } else if (whyNotLabelValue(text) !== undefined) {
      wrong(`${quoted(text)} is not the value of a label.`, howTo)
    } else read[key] = text
  }
  return read
})

const taint = z.string().transform((text, context) => {
  const nextStep = 'Write it as kubectl does: dedicated=gpu:NoSchedule; or PreferNoSchedule, or NoExecute.'
  return parseTaint(text) ?? refuse(context, `${quoted(text)} is not a taint.`, { nextStep })
})

const zone = z.string().superRefine((text, context) => {
  if (text !== '' && whyNotLabelValue(text) === undefined) return
  refuse(context, `${quoted(text)} is not the name of a zone.`, {
    nextStep: 'It is the value of a label: letters, digits, dots, hyphens and underscores, at most 63.',
  })
})

const machineSettings = {
  method: z.enum(['ram', 'disk', 'autoinstall', 'local']).optional(),
  image: imageReference.optional(),
  ephemeral: imageReference.optional(),
  disk: diskSelector.optional(),
  wipe: z.boolean().optional(),
  cluster: clusterName.optional(),
  role: z.enum(['control-plane', 'worker']).optional(),
  labels: labels.optional(),
  taints: z.array(taint).max(most.taints).optional(),
  zone: zone.optional(),
  'kernel-parameters': z
    .array(textUnless('a kernel parameter', whyNotKernelParameter))
    .max(most.parameters)
    .optional(),
  'ssh-authorized-keys': z.array(textUnless('an SSH key', whyNotSshKey)).max(most.keys).optional(),
}

/** One or several, each with `*` for any letters. */
const patterns = z.unknown().transform((value, context): readonly string[] => {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (items.length > most.machines) return refuse(context, `More than ${most.machines} are listed.`)
  const read: string[] = []
  for (const item of items) {
    if (typeof item !== 'string' || item.trim() === '' || item.length > 200) {
      refuse(context, `This is no text to compare with, it is ${kindOf(item)}.`, {
        nextStep: 'Write it in quotes, with * for any letters: "7XK*".',
      })
    } else if (/^[*\s]+$/.test(item)) {
      refuse(context, `${quoted(item)} fits every machine.`, {
        nextStep: 'Write `approve: all` where that is meant.',
      })
    } else read.push(item.trim())
  }
  return read
})

const macs = z.unknown().transform((value, context): ReadonlySet<Mac> => {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (items.length > most.machines) return refuse(context, `More than ${most.machines} are listed.`)
  const read = items.map(readMac)
  for (const one of read) if (!('mac' in one)) refuse(context, one.because, nextStepOf(one))
  return new Set(read.flatMap((one) => ('mac' in one ? [one.mac] : [])))
})

function nextStepOf({ nextStep }: { readonly nextStep?: string }): { readonly nextStep?: string } {
  return nextStep === undefined ? {} : { nextStep }
}

const likeness = z.strictObject({
  mac: macs.optional(),
  serial: patterns.optional(),
  manufacturer: patterns.optional(),
  product: patterns.optional(),
  method: machineSettings.method,
  image: machineSettings.image,
  disk: machineSettings.disk,
  wipe: machineSettings.wipe,
  cluster: machineSettings.cluster,
  role: machineSettings.role,
  labels: machineSettings.labels,
  taints: machineSettings.taints,
  zone: machineSettings.zone,
})

export type LikenessText = z.output<typeof likeness> & { readonly text: string }

/** What a machine may be known by in a rule. */
const marks = ['mac', 'serial', 'manufacturer', 'product'] as const

type Approve = { all: true } | { macs: Mac[]; likenesses: LikenessText[] }

const approve = z.unknown().transform((value, context): Approve => {
  if (value === 'all') return { all: true }
  if (!Array.isArray(value)) {
    return refuse(context, 'This is neither `all` nor a list of MAC addresses and rules.', {
      nextStep: 'Write `approve: all`, or `approve: ["52:54:00:12:34:56"]`.',
    })
  }
  if (value.length > most.machines) return refuse(context, `More than ${most.machines} machines are listed.`)
  const listed: Mac[] = []
  const likenesses: LikenessText[] = []
  const wrong = (path: readonly PropertyKey[], message: string, params: { readonly nextStep?: string }) =>
    context.issues.push({ code: 'custom', input: value, message, path: [...path], params })
  for (const [index, item] of value.entries()) {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      const read = readMac(item)
      if ('mac' in read) listed.push(read.mac)
      else wrong([index], read.because, nextStepOf(read))
      continue
    }
    const read = likeness.safeParse(item)
    for (const issue of read.error?.issues ?? []) {
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys) wrong([index, key], ...unknownInRule(key))
      } else context.issues.push({ ...issue, input: item, path: [index, ...issue.path] })
    }
    if (marks.every((mark) => !Object.hasOwn(item, mark))) {
      wrong([index], 'This rule says of no machine that it is meant.', {
        nextStep: `Add one of ${marks.join(', ')}.`,
      })
    }
    if (read.success) likenesses.push({ ...read.data, text: textOf(item) })
  }
  return { macs: listed, likenesses }
})

function unknownInRule(key: string): [string, { readonly nextStep: string }] {
  const known = Object.keys(likeness.shape)
  const meant = closest(key, known)
  const nextStep = meant === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean ${meant}?`
  return [`There is no setting ${JSON.stringify(key)} here.`, { nextStep }]
}

/** By what a rule knows its machines, as a person wrote it. */
function textOf(rule: object): string {
  return marks
    .flatMap((mark) => {
      const value: unknown = Reflect.get(rule, mark)
      if (value === undefined) return []
      const [first, ...more] = (Array.isArray(value) ? value : [value]).map(String)
      return [`${mark} ${first}${more.length === 0 ? '' : ` and ${more.length} more`}`]
    })
    .join(', ')
}

const loader = z.enum(['ipxe', 'shim-grub', 'shim-ipxe']).optional()
const proxyOffer = z.enum(['ladder', 'with-43', 'without-43', 'boot-server']).optional()

const network = z.strictObject({
  name: name.optional(),
  interface: interfaceName,
  mode: z.enum(['observe', 'proxy', 'full']).default('observe'),
  address: textAs('an IPv4 address, as 10.0.0.1 or 10.0.0.1/24', readAddress).optional(),
  pool: textAs('a pool, as 10.0.0.100-10.0.0.200', readPool).optional(),
  relayed: textAs('a subnet, as 10.9.0.0/24', readSubnet).optional(),
  authoritative: z.boolean().default(false),
  probe: z.boolean().optional(),
  router: ipv4.optional(),
  dns: z.array(ipv4).max(8).default([]),
  domain: textUnless('a domain', whyNotDomain).optional(),
  loader,
  'proxy-offer': proxyOffer,
  link: bitRate.optional(),
  identity: identitySetting.optional(),
  lease: z.strictObject({ firmware: seconds.default(120), system: seconds.default(43_200) }).prefault({}),
  reservations: z
    .array(z.strictObject({ mac, address: ipv4, hostname: hostname.optional() }))
    .max(most.reservations)
    .default([]),
})

/** The settings file as it is written, each value checked by itself. */
export const settingsSchema = z.strictObject({
  data: folder.default('data'),
  http: z
    .strictObject({
      port: port.default(8080),
      'delivery-port': port.default(8081),
      streams: z.int().min(1).max(4_096).default(64),
    })
    .prefault({}),
  api: apiSettings,
  'boot-programs': z.array(folder).max(32).optional(),
  'boot-files': bootFiles.prefault({}),
  approve: approve.prefault([]),
  sightings: z.strictObject({ keep: z.int().min(16).max(10_000).default(2_000) }).prefault({}),
  networks: z.array(network).max(most.networks).default([]),
  images: z.array(z.strictObject({ name, folder })).max(most.images).default([]),
  'image-sync': imageSyncSettings,
  'image-store': z.strictObject({ keep: z.int().min(1).max(1_000).default(2) }).prefault({}),
  jobs: jobSettings,
  defaults: z.strictObject(machineSettings).prefault({}),
  machines: z
    .array(
      z.strictObject({
        mac,
        hostname: hostname.optional(),
        loader,
        'proxy-offer': proxyOffer,
        power: powerSettings.optional(),
        ...machineSettings,
      }),
    )
    .max(most.machines)
    .default([]),
  clusters: z
    .array(z.strictObject({ name: clusterName, identity: identitySetting.optional() }))
    .max(most.clusters)
    .default([]),
  kubernetes: kubernetesSettings,
  events: z.strictObject({ 'keep-days': z.int().min(1).max(3_650).default(30) }).prefault({}),
})

export type Settings = z.output<typeof settingsSchema>

/** The keys that belong at a place of the settings, or of another file with a schema of its own. */
export function knownKeys(path: SettingsPath, schema: z.ZodType = settingsSchema): readonly string[] {
  let inner: unknown = schema
  for (const step of path) {
    const around = unwrapped(inner)
    if (around instanceof z.ZodArray) inner = around.element
    if (around instanceof z.ZodObject) inner = Reflect.get(around.shape, step)
  }
  const found = unwrapped(inner)
  return found instanceof z.ZodObject ? Object.keys(found.shape) : []
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.unwrap())
  }
  return schema
}

/** What a value is, in the words of the settings file. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return kinds[typeof value] ?? 'a group of settings'
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
}
