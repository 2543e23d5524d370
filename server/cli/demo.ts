import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianImage } from '../demo/debian-image.ts'
import { openNetworkNamespace, type NetworkNamespace } from '../demo/network-namespace.ts'
import { powerOn, type Firmware } from '../demo/virtual-machine.ts'
import type { RecordedEvent } from '../events/event.ts'
import { listen, socketName } from './api-client.ts'
import type { Call, Command } from './call.ts'
import { Sorry } from './sorry.ts'
import { isMilestone, timelineLine } from './timeline.ts'

const program = fileURLToPath(new URL('../main.ts', import.meta.url))
const defaultCache = fileURLToPath(new URL('../../.cache/demo', import.meta.url))
const network = 'demo'
const mac = '52:54:00:1d:e0:01'
/** Under software emulation, on a slow and busy machine. */
const limitMs = 15 * 60 * 1000
const startLimitMs = 30_000

export const demo: Command = {
  usage: 'ironwake demo [--firmware bios|uefi] [--cache FOLDER]',
  summary: 'boot a virtual machine with an empty disk, and watch',
  about:
    'Starts the appliance in a network namespace of its own, powers on a virtual machine with real firmware and an\n' +
    'empty disk, and draws its timeline until its last cloud-init stage has reported. Nothing outside of the namespace\n' +
    'is touched. The image it boots is made once from the packages of this distribution, which takes some minutes.\n' +
    'Needs root, and what ./setup installs.',
  options: {
    firmware: { type: 'string', about: 'bios (SeaBIOS with an iPXE ROM) or uefi (OVMF, default)' },
    cache: { type: 'string', about: 'where the image is kept (default: .cache/demo in this checkout)' },
  },
  examples: ['ironwake demo', 'ironwake demo --firmware bios'],
  async run(call) {
    if (process.getuid?.() !== 0) throw new Sorry('the demo makes a network namespace; run it as root')
    const firmware = firmwareOf(call)
    const { cache = defaultCache } = call.options
    try {
      return await show(call, firmware, String(cache))
    } catch (error) {
      if (error instanceof Error && error.name === 'Error') throw new Sorry(error.message)
      throw error
    }
  },
}

async function show(call: Call, firmware: Firmware, cache: string): Promise<number> {
  const image = await debianImage({
    cacheFolder: cache,
    progress: (step) => call.remark(`image: ${step}`),
  })
  const folder = await mkdtemp(join(tmpdir(), 'ironwake-demo-'))
  try {
    await using box = await openNetworkNamespace([{ name: network, addresses: ['10.77.0.1/24'] }])
    const socket = join(folder, 'data', socketName)
    await writeFile(join(folder, 'ironwake.yaml'), settingsFor(image.folder))
    await using served = await serving(box, folder)
    call.remark(`The appliance runs in the network namespace ${box.name}; its data is in ${folder}.`)
    const events = await firstAnswer(socket, call.stop, served.child)
    const { device } = await box.addTap(network)
    await using machine = await powerOn({
      folder: join(folder, 'machine'),
      firmware,
      mac,
      tap: device,
      inside: box.inside,
      uuid: randomUUID(),
      serialNumber: 'DEMO-1',
    })
    call.remark(
      `A virtual machine (${firmware === 'uefi' ? 'UEFI' : 'BIOS'}, ${mac}, empty disk) is powered on.`,
    )
    call.remark('')
    const result = await draw(call, events)
    if (result === 'installed') {
      call.remark('')
      call.remark(
        'The machine runs from memory. This was the appliance as `ironwake serve` runs it; see README.md.',
      )
      return 0
    }
    call.remark(`The machine did not get there (${result}). The last of its serial console:`)
    call.remark((await machine.serialText()).split('\n').slice(-25).join('\n'))
    return 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function firmwareOf(call: Call): Firmware {
  const { firmware = 'uefi' } = call.options
  if (firmware === 'bios' || firmware === 'uefi') return firmware
  throw new Sorry(`--firmware is bios or uefi, not ${String(firmware)}`)
}

function settingsFor(imageFolder: string): string {
  return [
    'data: ./data',
    `approve: ["${mac}"]`,
    'networks:',
    `  - {name: ${network}, interface: ${network}, mode: full, pool: 10.77.0.100-10.77.0.199}`,
    'images:',
    `  - {name: debian, folder: ${JSON.stringify(imageFolder)}}`,
    'defaults: {kernel-parameters: ["console=ttyS0,115200"]}',
    `machines: [{mac: "${mac}", hostname: demo-1}]`,
    '',
  ].join('\n')
}

/** The appliance as a user starts it, in the namespace; stopped with the scope. */
async function serving(
  box: NetworkNamespace,
  folder: string,
): Promise<AsyncDisposable & { child: ChildProcess }> {
  const [first, ...words] = box.inside([
    process.execPath,
    program,
    'serve',
    '--settings',
    join(folder, 'ironwake.yaml'),
  ])
  const child = spawn(first, words, { stdio: ['ignore', 'ignore', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', () => resolve())
    child.once('error', reject)
  })
  return {
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** The stream of events, as soon as the appliance answers. */
async function firstAnswer(socket: string, stop: AbortSignal, child: ChildProcess): Promise<AsyncGenerator> {
  const deadline = Date.now() + startLimitMs
  for (;;) {
    const events = listen(socket, '/api/v1/events/stream?limit=1000', stop)
    try {
      const first = await events.next()
      return prepended(first, events)
    } catch (error) {
      if (!(error instanceof Sorry) || Date.now() > deadline || child.exitCode !== null) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function* prepended(first: IteratorResult<unknown>, rest: AsyncGenerator): AsyncGenerator {
  if (first.done === true) return
  yield first.value
  yield* rest
}

/** Draws the machine's timeline as it grows, and gives how its boot ended. */
async function draw(call: Call, events: AsyncGenerator): Promise<string> {
  const late = setTimeout(() => void events.return(undefined), limitMs)
  let startedAt: number | undefined
  try {
    for await (const item of events) {
      const recorded = item as RecordedEvent
      const { event } = recorded
      if (event.mac !== mac && recorded.machine === undefined) continue
      startedAt ??= recorded.at
      if (isMilestone(recorded)) {
        call.print(call.output === 'json' ? JSON.stringify(recorded) : timelineLine(recorded, startedAt))
      }
      if (event.kind === 'attempt-ended') return event.result
    }
    return call.stop.aborted ? 'stopped' : 'the appliance fell silent'
  } finally {
    clearTimeout(late)
  }
}
