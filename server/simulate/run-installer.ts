import { parse } from 'yaml'
import { askBox, diskOf } from './ask-box.ts'
import { at, textAt, words, type SeedTexts } from './cloud-init.ts'
import { Lost, type Course } from './course.ts'
import type { RackMachine } from './rack.ts'

/** As Subiquity reports (boot facts §5), by curtin's own client. */
const userAgent = 'Curtin/0.1'

/** Some of the steps that it reports at the level INFO. */
const steps = [
  'subiquity/Install/install/curtin_install/partitioning/curthooks',
  'subiquity/Install/install/curtin_install/extract',
  'subiquity/Install/install/configure_apt',
  'subiquity/Install/postinstall',
] as const

/**
 * What the box hears of Ubuntu's installer: its reports, and what `cloud-init/autoinstall/lead-installer` asks for it; gives the seed
 * that lies on the disk then. What the installer fetches from mirrors of Ubuntu is not played.
 */
export function* runInstaller(
  machine: RackMachine,
  autoinstall: unknown,
  { invited }: { readonly invited: boolean },
): Course<SeedTexts> {
  yield { kind: 'enter', phase: 'disk' }
  const reportUrl = textAt(autoinstall, 'reporting', 'ironwake', 'endpoint')
  const choose = urlFor('choose', at(autoinstall, 'early-commands'))
  const late = urlFor('seed', at(autoinstall, 'late-commands'))
  if (reportUrl === undefined || choose === undefined || late === undefined) {
    throw new Lost('its installer is not told where to report, or not to ask the box for its disk and seed')
  }
  const url = reportUrl
  yield* told('subiquity/Early/run', 'start')
  const box = askBox(machine, choose)
  const { configuration } = yield* box.whichDisk({ invited })
  mustMean(machine, configuration)
  const { name, serial } = diskOf(machine)
  yield* box.note(`the installer is told to write ${name}, serial ${serial}`)
  yield* told('subiquity/Early/run', 'finish')
  for (const step of steps) {
    yield* told(step, 'start')
    yield* told(step, 'finish')
  }
  yield* told('subiquity/Late/run', 'start')
  const target = askBox(machine, late)
  const seed = yield* target.fetchSeed()
  yield* target.tellWritten()
  yield* told('subiquity/Late/run', 'finish')
  yield* told('subiquity/Shutdown', 'start')
  return seed

  /** Its reports hold nothing up: one that fails is tried once more (`retries: 1`), and forgotten. */
  function* told(name: string, type: 'start' | 'finish'): Course<void> {
    const common = { name, description: name, event_type: type, origin: 'curtin', level: 'INFO' }
    const body = JSON.stringify(type === 'finish' ? { ...common, result: 'SUCCESS' } : common)
    for (let attempt = 0; attempt < 2; attempt++) {
      const found = yield { kind: 'fetch-http', method: 'POST', url, userAgent, body, keepText: true }
      if (found.kind === 'response' && found.status === 204) return
    }
  }
}

/** A command of ours, `sh PROGRAM URL WORD`, and its address. */
function urlFor(word: string, commands: unknown): string | undefined {
  if (!Array.isArray(commands)) return undefined
  return commands
    .map(words)
    .find((command) => command.at(-1) === word)
    ?.at(-2)
}

/** Subiquity looks for the disk by all that its configuration says of it; without one that fits it ends. */
function mustMean(machine: RackMachine, configuration: string): void {
  let read: unknown
  try {
    read = parse(configuration, { version: '1.1' })
  } catch (error) {
    throw new Lost(`its configuration is no YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
  const match = at(read, 'storage', 'layout', 'match')
  const { name, udevSerial, path } = diskOf(machine)
  const fits =
    textAt(match, 'serial') === udevSerial &&
    textAt(match, 'id_path') === path &&
    textAt(match, 'path') === `/dev/${name}`
  if (!fits) throw new Lost(`its configuration means another disk than ${name}: ${JSON.stringify(match)}`)
}
