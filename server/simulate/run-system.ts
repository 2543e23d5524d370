import { parse } from 'yaml'
import { Lost, type Course } from './course.ts'
import { fetchFile } from './fetch-file.ts'
import type { RackMachine } from './rack.ts'
import { takeLease } from './take-lease.ts'

/** The stages that cloud-init reports, in their order. */
const stages = ['init-local', 'init-network', 'modules-config', 'modules-final'] as const

const initrdAgent = 'Wget'
const cloudInitAgent = 'Cloud-Init/22.4.2'
/** cloud-init's own patience with its data source and its reports. */
const tries = 6

/** The system that the kernel command line describes: initrd, image, and cloud-init to its last report. */
export function* runSystem(
  machine: RackMachine,
  commandLine: readonly string[],
  chance: () => number,
): Course<void> {
  const root = wordBehind(commandLine, 'root=squash:')
  const seed = wordBehind(commandLine, 'ds=nocloud;s=')
  const hostname = wordBehind(commandLine, 'ip=')?.split(':')[4]
  if (root === undefined || seed === undefined) {
    throw new Lost('its kernel command line names no image (root=squash:) or no seed (ds=nocloud;s=)')
  }
  yield { kind: 'enter', phase: 'image' }
  yield* takeLease(machine, 'system', chance, hostname)
  const image = yield* fetchFile(machine, root, { userAgent: initrdAgent, resumes: true })
  if (image.kind === 'failed') throw new Lost(image.because)

  yield { kind: 'enter', phase: 'cloud-init' }
  const metaData = yield* patiently('GET', `${seed}meta-data`)
  const userData = yield* patiently('GET', `${seed}user-data`)
  for (const file of ['vendor-data', 'network-config']) yield* patiently('GET', `${seed}${file}`)
  const { reportUrl, phoneHomeUrl, instanceId } = orders(userData, metaData)
  for (const stage of stages) {
    yield* patiently('POST', reportUrl, report(stage, 'start'))
    if (stage === 'modules-final') {
      const form = new URLSearchParams({ instance_id: instanceId, hostname: hostname ?? 'N/A', fqdn: 'N/A' })
      yield* patiently('POST', phoneHomeUrl, form.toString())
    }
    yield* patiently('POST', reportUrl, report(stage, 'finish'))
  }
}

function* patiently(method: 'GET' | 'POST', url: string, body?: string): Course<string> {
  let because = ''
  for (let attempt = 1; attempt <= tries; attempt++) {
    const found = yield {
      kind: 'fetch-http',
      method,
      url,
      userAgent: cloudInitAgent,
      keepText: true,
      ...(body === undefined ? {} : { body }),
    }
    if (found.kind === 'response' && (found.status === 200 || found.status === 204)) return found.text
    because = found.kind === 'response' ? `status ${found.status}` : 'because' in found ? found.because : ''
    yield { kind: 'pause', ms: attempt * 1000 }
  }
  throw new Lost(`${method} ${url} came to nothing in ${tries} tries: ${because}`)
}

/** What cloud-init is to do, read from its user-data as it reads it: YAML behind a comment. */
function orders(
  userData: string,
  metaData: string,
): { readonly reportUrl: string; readonly phoneHomeUrl: string; readonly instanceId: string } {
  const [user, meta] = [yamlIn(userData), yamlIn(metaData)]
  const reportUrl = textAt(user, ['reporting', 'ironwake', 'endpoint'])
  const phoneHomeUrl = textAt(user, ['phone_home', 'url'])
  const instanceId = textAt(meta, ['instance-id'])
  if (reportUrl === undefined || phoneHomeUrl === undefined || instanceId === undefined) {
    throw new Lost('its seed lacks where to report, where to phone home, or its instance-id')
  }
  return { reportUrl, phoneHomeUrl, instanceId }
}

function yamlIn(text: string): unknown {
  try {
    return parse(text, { version: '1.1' })
  } catch (error) {
    throw new Lost(`its seed is no YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function textAt(value: unknown, path: readonly string[]): string | undefined {
  let at = value
  for (const step of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined
  return typeof at === 'string' ? at : undefined
}

/** As cloud-init's webhook handler writes it. */
function report(stage: string, type: 'start' | 'finish'): string {
  const common = { name: stage, description: `running ${stage}`, event_type: type, origin: 'cloudinit' }
  return JSON.stringify(type === 'finish' ? { ...common, result: 'SUCCESS' } : common)
}

function wordBehind(words: readonly string[], beginning: string): string | undefined {
  return words.find((word) => word.startsWith(beginning))?.slice(beginning.length)
}
