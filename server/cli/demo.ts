import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianImage } from '../demo/debian-image.ts'
import { openNetworkNamespace } from '../demo/network-namespace.ts'
import { serveIn, settingsFileIn, type ServedAppliance } from '../demo/served-appliance.ts'
import { boards, type Firmware } from '../demo/boards.ts'
import { powerOn } from '../demo/virtual-machine.ts'
import type { Call, Command } from './call.ts'
import { Sorry } from './sorry.ts'
import { isMilestone, timelineLine } from './timeline.ts'
import { WronglyCalled } from './wrongly-called.ts'

const defaultCache = fileURLToPath(new URL('../../.cache/demo', import.meta.url))
const network = 'demo'
const mac = '52:54:00:1d:e0:01'
/** Under software emulation, on a slow and busy machine. */
const limitMs = 15 * 60 * 1000

export const demo: Command = {
  usage: 'ironwake demo [--firmware bios|uefi] [--cache FOLDER]',
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
    if (call.words.length > 0) throw new WronglyCalled(`${call.words.join(' ')} is not understood`)
    const firmware = firmwareOf(call)
    if (process.getuid?.() !== 0) throw new Sorry('the demo makes a network namespace; run it as root')
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
    await writeFile(settingsFileIn(folder), settingsFor(image.folder, firmware))
    await using appliance = await serveIn(box, settingsFileIn(folder))
    call.remark(`The appliance runs in the network namespace ${box.name}; its data is in ${folder}.`)
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
    const result = await draw(call, appliance)
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
  throw new WronglyCalled(`--firmware is bios or uefi, not ${String(firmware)}`)
}

function settingsFor(imageFolder: string, firmware: Firmware): string {
  return [
    'data: ./data',
    `approve: ["${mac}"]`,
    'networks:',
    `  - {name: ${network}, interface: ${network}, mode: full, pool: 10.77.0.100-10.77.0.199}`,
    'images:',
    `  - {name: debian, folder: ${JSON.stringify(imageFolder)}}`,
    `defaults: {kernel-parameters: ${JSON.stringify(boards[firmware].kernelParameters)}}`,
    `machines: [{mac: "${mac}", hostname: demo-1}]`,
    '',
  ].join('\n')
}

/** Draws the machine's timeline as it grows, and gives how its boot ended. */
async function draw(call: Call, appliance: ServedAppliance): Promise<string> {
  let startedAt: number | undefined
  return await new Promise<string>((resolve) => {
    const end = (result: string): void => {
      clearTimeout(late)
      unsubscribe()
      resolve(result)
    }
    const late = setTimeout(() => end('nothing more was heard of it'), limitMs)
    if (call.stop.aborted) queueMicrotask(() => end('stopped'))
    call.stop.addEventListener('abort', () => end('stopped'), { once: true })
    void appliance.ended.then(() => end('the appliance ended'))
    const unsubscribe = appliance.subscribe((recorded) => {
      if (recorded.machine === undefined) return
      startedAt ??= recorded.at
      if (isMilestone(recorded)) {
        call.print(call.output === 'json' ? JSON.stringify(recorded) : timelineLine(recorded, startedAt))
      }
      const { event } = recorded
      // A machine that starts again on its way is still on its way.
      if (event.kind === 'attempt-ended' && event.result !== 'abandoned') end(event.result)
    })
  })
}
