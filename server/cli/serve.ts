import { fileOfTrouble, fileTrouble } from '../wire/file-trouble.ts'
import { startAppliance } from '../appliance/appliance.ts'
import { networksNotThere, whenThere } from '../appliance/awaited-networks.ts'
import type { Config, NetworkSettings } from '../config/config.ts'
import { catalogue, type EventLevel } from '../events/catalogue.ts'
import type { RecordedEvent } from '../events/event.ts'
import type { Call, Command } from './call.ts'
import { eventLine } from './events.ts'
import { Sorry } from './sorry.ts'
import { WronglyCalled } from './wrongly-called.ts'

const levels: readonly EventLevel[] = ['debug', 'info', 'warning', 'error']

export const serve: Command = {
  usage: 'ironwake serve [--settings FILE]',
  about:
    'Answers DHCP, TFTP and HTTP boot requests on the networks that the settings name, and prints what happens.\n' +
    'Without settings it only observes: it answers nobody, says what it saw and what it would answer.',
  options: {
    level: {
      type: 'string',
      about: 'the least important events to print: debug, info (default), warning, error',
    },
  },
  examples: ['ironwake serve', 'ironwake serve --settings /etc/ironwake/ironwake.yaml --output json'],
  async run(call) {
    if (call.words.length > 0) throw new WronglyCalled(`${call.words.join(' ')} is not understood`)
    const { config, file } = call.settings()
    const least = levelOf(call)
    const print = (event: RecordedEvent): void => {
      if (levels.indexOf(catalogue[event.event.kind].level) < least) return
      call.print(call.output === 'json' ? JSON.stringify(event) : eventLine(event))
    }
    for (let began = 0; ; began++) {
      const awaited = networksNotThere(config.networks)
      const there = await served(call, { config, file, print, awaited, isFirst: began === 0 })
      if (there.length === 0) break
      call.remark(`${named(there)} can be served now: starting again with it.`)
    }
    call.remark('Stopping.')
    return 0
  },
}

type Serving = {
  readonly config: Config
  readonly file: string | undefined
  readonly print: (event: RecordedEvent) => void
  readonly awaited: readonly NetworkSettings[]
  readonly isFirst: boolean
}

/** Serves until it is told to stop, or until networks have come that could not be served before; resolves to these. */
async function served(call: Call, serving: Serving): Promise<readonly NetworkSettings[]> {
  const { config, file, print, awaited, isFirst } = serving
  await using appliance = await start(() => startAppliance(config, print))
  const { networks } = appliance.status
  const working = networks.filter((network) => network.problem === undefined)
  if (working.length === 0 && awaited.length === 0) {
    throw new Sorry(
      networks.length === 0
        ? 'this box has no network interface with an IPv4 address'
        : `no network can be served:\n${networks.map((one) => `  ${one.name}: ${one.problem}`).join('\n')}`,
      'See: ironwake check',
    )
  }
  if (isFirst && awaited.length > 0) call.remark(`Waiting for ${named(awaited)}. See: ironwake check`)
  const isObserving = working.length > 0 && working.every((network) => network.mode === 'observe')
  if (isFirst && isObserving) explainObserving(call, file, working)
  if (awaited.length > 0) return await whenThere(awaited, call.stop)
  await stopped(call.stop)
  return []
}

function named(networks: readonly NetworkSettings[]): string {
  return networks.map(({ name, interface: device }) => `${name} on ${device}`).join(', ')
}

function explainObserving(
  call: Call,
  file: string | undefined,
  networks: readonly { interface: string }[],
): void {
  const where = networks.map((network) => network.interface).join(', ')
  call.remark(
    `Observing ${where}: nobody is answered; what is seen, and what would be answered, is printed here.`,
  )
  call.remark(
    file === undefined
      ? 'Next: copy ironwake.example.yaml to ironwake.yaml, give a network a pool and mode: full, or mode: proxy beside another server, and start again.'
      : `Next: when the answers are right, set mode: full for a network in ${file}, and start again.`,
  )
}

function levelOf(call: Call): number {
  const { level = 'info' } = call.options
  const found = levels.findIndex((known) => known === level)
  if (found === -1) throw new WronglyCalled(`--level is one of ${levels.join(', ')}`)
  return found
}

/** What keeps the appliance from starting is told as a sentence where it is one. */
async function start<T>(begin: () => Promise<T>): Promise<T> {
  try {
    return await begin()
  } catch (error) {
    if (
      error instanceof Error &&
      (error.name === 'StoreFault' || error.name === 'UdpUnavailable' || 'code' in error)
    ) {
      const file = fileOfTrouble(error)
      if (file === undefined) throw new Sorry(error.message)
      throw new Sorry(`${file} cannot be used: ${fileTrouble(error)}`, 'See: ironwake check')
    }
    throw error
  }
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
