import { parse } from 'yaml'
import { Lost, type Course } from './course.ts'
import { patiently } from './patiently.ts'

/** The stages that cloud-init reports, in their order. */
const stages = ['init-local', 'init-network', 'modules-config', 'modules-final'] as const

const userAgent = 'Cloud-Init/22.4.2'

/** The files of a NoCloud seed. */
export const seedFiles = ['meta-data', 'user-data', 'vendor-data', 'network-config'] as const
export type SeedTexts = { readonly [file in (typeof seedFiles)[number]]: string }

/** What cloud-init is to do, as far as others hear of it. */
export type CloudOrders = {
  readonly reportUrl: string
  readonly phoneHomeUrl: string
  readonly instanceId: string
  readonly hostname: string | undefined
  /** The programs that it is to run at its end, word by word. */
  readonly runs: readonly (readonly string[])[]
  /** The paths of the files that it writes. */
  readonly writes: readonly string[]
  /** What the installer of the system is to do; absent, there is none. */
  readonly autoinstall: unknown
}

/** The files of a seed, below its URL, as cloud-init fetches them. */
export function* fetchSeed(url: string): Course<SeedTexts> {
  const texts = new Map<string, string>()
  for (const file of seedFiles) {
    texts.set(file, yield* patiently({ method: 'GET', url: `${url}${file}`, userAgent }))
  }
  return seedOf(texts)
}

export function seedOf(texts: ReadonlyMap<string, string>): SeedTexts {
  const text = (file: string): string => texts.get(file) ?? ''
  return {
    'meta-data': text('meta-data'),
    'user-data': text('user-data'),
    'vendor-data': text('vendor-data'),
    'network-config': text('network-config'),
  }
}

/** Reads a seed as cloud-init does: YAML behind a comment. */
export function ordersIn(seed: SeedTexts): CloudOrders {
  const [user, meta, vendor] = [
    yamlIn(seed['user-data']),
    yamlIn(seed['meta-data']),
    yamlIn(seed['vendor-data']),
  ]
  const reportUrl = textAt(user, 'reporting', 'ironwake', 'endpoint')
  const phoneHomeUrl = textAt(user, 'phone_home', 'url')
  const instanceId = textAt(meta, 'instance-id')
  if (reportUrl === undefined || phoneHomeUrl === undefined || instanceId === undefined) {
    throw new Lost('its seed lacks where to report, where to phone home, or its instance-id')
  }
  return {
    reportUrl,
    phoneHomeUrl,
    instanceId,
    hostname: textAt(user, 'hostname'),
    runs: [...listAt(vendor, 'runcmd'), ...listAt(user, 'runcmd')].map(words),
    writes: [...listAt(vendor, 'write_files'), ...listAt(user, 'write_files')].flatMap(
      (file) => textAt(file, 'path') ?? [],
    ),
    autoinstall: at(user, 'autoinstall'),
  }
}

/**
 * cloud-init from its first report to its last, which ends in `over`. A program in `atEnd` takes its last stage over: what it comes
 * to is the end of this system, and nothing more is heard of it.
 */
export function* runCloudInit<Other = never>(
  { reportUrl, phoneHomeUrl, instanceId }: CloudOrders,
  hostname: string | undefined,
  atEnd?: () => Course<Other>,
): Course<Other | 'over'> {
  const post = (url: string, body: string): Course<string> =>
    patiently({ method: 'POST', url, userAgent, body })
  for (const stage of stages) {
    yield* post(reportUrl, report(stage, 'start'))
    if (stage === 'modules-final') {
      if (atEnd !== undefined) return yield* atEnd()
      const form = new URLSearchParams({ instance_id: instanceId, hostname: hostname ?? 'N/A', fqdn: 'N/A' })
      yield* post(phoneHomeUrl, form.toString())
    }
    yield* post(reportUrl, report(stage, 'finish'))
  }
  return 'over'
}

/** As cloud-init's webhook handler writes it. */
function report(stage: string, type: 'start' | 'finish'): string {
  const common = { name: stage, description: `running ${stage}`, event_type: type, origin: 'cloudinit' }
  return JSON.stringify(type === 'finish' ? { ...common, result: 'SUCCESS' } : common)
}

function yamlIn(text: string): unknown {
  try {
    return parse(text, { version: '1.1' })
  } catch (error) {
    throw new Lost(`its seed is no YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** What stands in YAML under these keys. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value
  for (const step of path) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, step) : undefined
  }
  return found
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : undefined
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

/** A command of YAML, as its words. */
export function words(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)]
}
