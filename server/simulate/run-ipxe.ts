import type { DhcpMessage } from '../dhcp/message.ts'
import { textIn } from '../dhcp/option-shapes.ts'
import { optionCodes } from '../dhcp/option-codes.ts'
import { hyphenated } from '../wire/mac.ts'
import { Lost, type Course, type Found } from './course.ts'
import { fetchFile } from './fetch-file.ts'
import { expandSettings, readIpxeScript, type ScriptLine } from './ipxe-script.ts'
import type { RackMachine } from './rack.ts'
import { takeLease } from './take-lease.ts'

/** What iPXE came to: a kernel that runs, or the machine's own disk. */
export type IpxeEnd =
  | { readonly kind: 'kernel'; readonly commandLine: readonly string[] }
  | { readonly kind: 'own-disk'; readonly because: string }

const userAgent = 'iPXE/1.0.0+'
/** Steps of all scripts together; ours take some fifty. */
const mostSteps = 5_000
/** One script leads to the next; ours are two. */
const mostScripts = 8

type FetchedScript = { readonly script: readonly ScriptLine[] } | { readonly because: string }

/** iPXE from its start: DHCP, and then the script it was told, as far as our commands go. */
export function* runIpxe(machine: RackMachine, chance: () => number): Course<IpxeEnd> {
  yield { kind: 'enter', phase: 'script' }
  const { ack, address } = yield* takeLease(machine, 'ipxe', chance)
  const first = bootFileOf(ack)
  if (first === undefined || !first.startsWith('http:')) {
    throw new Lost(`iPXE was told no script, but ${first ?? 'nothing'}`)
  }
  const settings = settingsOf(machine, address)
  const given = yield* fetchScript(first)
  if ('because' in given) throw new Lost(`${first} gave no script: ${given.because}`)
  let { script } = given
  let steps = 0
  let commandLine: readonly string[] | undefined
  let images = 0
  let lastEcho = ''

  for (let scripts = 0; scripts < mostScripts; scripts++) {
    const ended: IpxeEnd | readonly ScriptLine[] = yield* run(script)
    if ('kind' in ended) return ended
    script = ended
  }
  throw new Lost(`${mostScripts} scripts led to no kernel`)

  /** Gives how the boot goes on, or the script that takes this one's place. */
  function* run(lines: readonly ScriptLine[]): Course<IpxeEnd | readonly ScriptLine[]> {
    let at = 0
    while (at < lines.length) {
      let runs = true
      let succeeded = true
      for (const { words: raw, behind } of lines[at++]?.commands ?? []) {
        if (steps++ > mostSteps) throw new Lost('its script does not end')
        if (runs && raw.length > 0) {
          const words = raw.map((word) => expandSettings(word, look))
          const [name = '', ...given] = words
          if (name === 'goto') {
            const target = lines.findIndex(({ label }) => label !== undefined && label === given[0])
            if (target === -1) throw new Lost(`its script has no place ${given[0]}`)
            at = target
            succeeded = true
            break
          }
          if (name === 'exit') return ownDisk(`exit ${given[0] ?? 0}`)
          if (name === 'sanboot') return ownDisk('sanboot')
          if (name === 'boot' && commandLine !== undefined && images === 2)
            return { kind: 'kernel', commandLine }
          if (name === 'chain') {
            const next = yield* fetchScript(urlIn(given))
            if ('script' in next) return next.script
            succeeded = false
          } else succeeded = yield* command(name, given)
        } else if (runs) succeeded = true
        if (behind === undefined) break
        runs = behind === ';' || (behind === '&&' ? succeeded : !succeeded)
      }
      if (!succeeded) return ownDisk('a line of its script failed')
    }
    return ownDisk('its script ended')
  }

  function* command(name: string, given: readonly string[]): Course<boolean> {
    switch (name) {
      case 'echo':
        if (given.length > 0) lastEcho = given.join(' ')
        return true
      case 'set':
        settings.set((given[0] ?? '').split(':')[0] ?? '', given.slice(1).join(' '))
        return true
      case 'inc':
        settings.set(given[0] ?? '', String(Number(settings.get(given[0] ?? '')) + Number(given[1] ?? 1)))
        return true
      case 'iseq':
        return given[0] === given[1]
      case 'isset':
        return (given[0] ?? '') !== ''
      case 'sleep':
        yield { kind: 'pause', ms: Number(given[0] ?? 0) * 1000 }
        return true
      case 'imgfree':
        images = 0
        commandLine = undefined
        return true
      case 'kernel':
      case 'initrd': {
        yield { kind: 'enter', phase: 'kernel' }
        const words = withoutOptions(given)
        const got = yield* fetchFile(machine, words[0] ?? '', { userAgent, resumes: false })
        if (got.kind === 'failed') return false
        images++
        if (name === 'kernel') commandLine = words.slice(1)
        return true
      }
      case 'dhcp':
        return true
      default:
        // What iPXE has and this has not, fails as an unknown command does.
        return false
    }
  }

  function* fetchScript(url: string): Course<FetchedScript> {
    const found: Found = yield { kind: 'fetch-http', method: 'GET', url, userAgent, keepText: true }
    if (found.kind === 'failed') return { because: found.because }
    if (found.kind !== 'response') return { because: 'no answer' }
    if (found.status !== 200) return { because: `status ${found.status}` }
    const script = readIpxeScript(found.text)
    return script === undefined ? { because: 'what came is no script of iPXE' } : { script }
  }

  function ownDisk(by: string): IpxeEnd {
    return { kind: 'own-disk', because: `${by}; the last it showed was: ${lastEcho}` }
  }

  function look(name: string, type: string): string {
    const value = settings.get(name) ?? ''
    if (type === 'hexhyp') return value.replaceAll(':', '-')
    return type === 'uristring' ? encodeURIComponent(value) : value
  }
}

/** Where a reply says what to load: in option 67, or in the field of the header. */
export function bootFileOf(reply: DhcpMessage): string | undefined {
  const told = textIn(reply, optionCodes.bootFile) ?? reply.file
  return told === '' ? undefined : told
}

function settingsOf(machine: RackMachine, address: string): Map<string, string> {
  const inUefi = machine.firmware === 'uefi' || machine.firmware === 'http'
  return new Map([
    ['netX/mac', machine.mac],
    ['netX/ip', address],
    ['uuid', machine.uuid],
    ['serial', machine.serial],
    ['manufacturer', 'Virtual rack'],
    ['product', `${machine.firmware} & co.`],
    ['buildarch', inUefi ? 'x86_64' : 'i386'],
    ['platform', inUefi ? 'efi' : 'pcbios'],
    ['version', '1.0.0+git-20190125'],
    ['errno', '0x040ee119'],
    ['bootif', `01-${hyphenated(machine.mac)}`],
  ])
}

/** `--name NAME`, `--timeout MS` take a word; the others of ours stand alone. */
function withoutOptions(words: readonly string[]): readonly string[] {
  const rest = [...words]
  while (rest[0]?.startsWith('--') === true) {
    rest.splice(0, rest[0] === '--name' || rest[0] === '--timeout' ? 2 : 1)
  }
  return rest
}

function urlIn(words: readonly string[]): string {
  return withoutOptions(words)[0] ?? ''
}
