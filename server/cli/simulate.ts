import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseBitRate } from '../config/parse-bit-rate.ts'
import { duration, size } from '../events/sentence.ts'
import { phases } from '../simulate/course.ts'
import { parseFaults, parseMethods, parseMix, parseSize, type Parsed } from '../simulate/parse-mix.ts'
import { faults } from '../simulate/rack.ts'
import type { RackOrder, RackWord } from '../simulate/rack-order.ts'
import type { Tally } from '../simulate/tally.ts'
import type { Call, Command } from './call.ts'
import { openRackBox, type RackBoxPlan } from './rack-box.ts'
import { Sorry } from './sorry.ts'
import { table } from './table.ts'
import { WronglyCalled } from './wrongly-called.ts'

const program = fileURLToPath(new URL('../rack.ts', import.meta.url))
const mostMachines = 20_000
const mostSeconds = 86_400
const mostStreams = 4_096
/** Of the lost machines that are listed by name. */
const mostListed = 20

export const simulate: Command = {
  usage: 'ironwake simulate [--machines N] [--firmware MIX] [--method MIX] [--faults FAULTS]',
  about: [
    'Boots a rack of virtual machines through real sockets, from the DISCOVER of each firmware to the last report of its\n' +
      'cloud-init, and says how long each phase took. No machine is emulated: what is played is what goes over the wire.',
    'Methods: ram runs the image from memory; disk writes it to the disk of the machine, and autoinstall has an installer write it:\n' +
      'the box chooses the disk, and the machine starts once more, from there. Disks are as fast as the wire.',
    'It makes a network namespace of its own, with an appliance in it and the machines beside it; nothing outside of it is\n' +
      'touched. Exits with 1 when a machine was lost. Needs root.',
    `Faults: ${Object.entries(faults)
      .map(([name, what]) => `\n  ${name.padEnd(19)} ${what}`)
      .join('')}`,
  ].join('\n'),
  options: {
    machines: { type: 'string', about: 'how many, all switched on at once (default: 20)' },
    firmware: {
      type: 'string',
      about: 'the mix (default: bios=1,uefi=2,http=1); rom is an old BIOS with a PXE ROM',
    },
    method: {
      type: 'string',
      about: 'how machines get their systems, a mix of ram, disk and autoinstall (default: ram=1)',
    },
    faults: {
      type: 'string',
      about: 'none (default), all, or names with commas: half of the machines have one',
    },
    'image-size': {
      type: 'string',
      about: 'size of each image, random bytes: of the system in memory, a packed disk, an ISO (default: 4M)',
    },
    link: { type: 'string', about: 'what images may take of the wire, as 900Mbit/s (default: all of it)' },
    streams: { type: 'string', about: 'kernels and images that go out at a time (default: 64)' },
    over: { type: 'string', about: 'seconds over which they are switched on (default: 0)' },
    limit: { type: 'string', about: 'seconds after which a machine counts as lost (default: 600)' },
    seed: { type: 'string', about: 'a number; the same one gives the same chances (default: 1)' },
    interface: {
      type: 'string',
      about:
        'boot from the DHCP servers behind this interface of the host instead, to which the host needs a route. See --yes',
    },
    yes: {
      type: 'boolean',
      about: 'with --interface: yes, take an address for each machine there, and load that network',
    },
  },
  examples: [
    'ironwake simulate --machines 100',
    'ironwake simulate --machines 40 --firmware bios=1,rom=1,uefi=2,http=1 --faults all',
    'ironwake simulate --machines 40 --method ram=1,disk=2,autoinstall=1',
    'ironwake simulate --machines 200 --image-size 64M --link 900Mbit/s',
    'ironwake simulate --machines 1000 --output json',
  ],
  async run(call) {
    if (call.words.length > 0) throw new WronglyCalled(`${call.words.join(' ')} is not understood`)
    const { order, box } = orderOf(call)
    if (process.getuid?.() !== 0) throw new Sorry('simulate takes addresses and port 68; run it as root')
    const tally = await played(call, order, box)
    if (call.output === 'json') call.print(JSON.stringify(tally, undefined, 2))
    else call.print(report(tally))
    return tally.lost.length === 0 && tally.ownDisk === 0 ? 0 : 1
  },
}

async function played(call: Call, order: RackOrder, box: RackBoxPlan): Promise<Tally> {
  const { interface: onInterface, yes } = call.options
  if (typeof onInterface !== 'string') {
    try {
      await using rack = await openRackBox(box)
      call.remark(`The appliance runs in the network namespace ${rack.box.name}.`)
      const words = [process.execPath, program, JSON.stringify({ ...order, interface: rack.interface })]
      return await heard(call, rack.neighbour.start(words, { stdio: ['ignore', 'pipe', 'inherit'] }))
    } catch (error) {
      if (!(error instanceof Error)) throw error
      // The images of the rack did not go into its store: most often there is no room.
      if (error.name === 'ImageFault') throw new Sorry(error.message, 'Try a smaller --image-size.')
      if (error.name === 'Error') throw new Sorry(error.message)
      throw error
    }
  }
  call.remark(
    `${order.plan.machines} machines will ask every DHCP server behind ${onInterface} for an address, take it, and be on record\n` +
      'there as installed. Their MAC addresses begin with 02:1d:e0. Do this on a network of your own only.',
  )
  if (yes !== true) throw new Sorry('nothing was sent', 'If that is what you want, say --yes.')
  const words = [program, JSON.stringify({ ...order, interface: onInterface })]
  return await heard(call, spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] }))
}

/** Follows the process that plays the rack to its end. */
async function heard(call: Call, child: ChildProcess): Promise<Tally> {
  const stop = (): void => void child.kill('SIGTERM')
  if (call.stop.aborted) stop()
  call.stop.addEventListener('abort', stop, { once: true })
  let tally: Tally | undefined
  let because = 'the machines were not played to their end'
  if (child.stdout !== null) {
    for await (const line of createInterface(child.stdout)) {
      const word = JSON.parse(line) as RackWord
      switch (word.kind) {
        case 'progress':
          call.remark(
            `${word.seconds.toFixed(0).padStart(4)} s  ${word.ended} ended, ${word.lost} lost, ${size(word.byteCount)} received`,
          )
          break
        case 'tally':
          ;({ tally } = word)
          break
        case 'failed':
          ;({ because } = word)
      }
    }
  }
  call.stop.removeEventListener('abort', stop)
  if (tally === undefined) throw new Sorry(call.stop.aborted ? 'it was stopped' : because)
  return tally
}

function orderOf(call: Call): { readonly order: RackOrder; readonly box: RackBoxPlan } {
  const {
    firmware = 'bios=1,uefi=2,http=1',
    method,
    interface: onInterface,
    faults: faulty = 'none',
    'image-size': image = '4M',
  } = call.options
  if (onInterface !== undefined && method !== undefined) {
    throw new WronglyCalled(
      '--method is for the appliance that simulate starts; behind --interface the settings of the box there count',
    )
  }
  const methods =
    onInterface === undefined ? valueOf('--method', parseMethods(String(method ?? 'ram=1'))) : []
  const machines = number(call, 'machines', 20, mostMachines)
  if (machines === 0) throw new WronglyCalled('--machines is 1 or more')
  const order: RackOrder = {
    interface: '',
    plan: {
      machines,
      mix: valueOf('--firmware', parseMix(String(firmware))),
      methods,
      faults: valueOf('--faults', parseFaults(String(faulty))),
    },
    limitMs: number(call, 'limit', 600, mostSeconds) * 1000,
    spreadMs: number(call, 'over', 0, mostSeconds) * 1000,
    seed: number(call, 'seed', 1, 0xffff_ffff),
  }
  const imageBytes = valueOf('--image-size', parseSize(String(image)))
  return { order, box: { ...boxOf(call, imageBytes), methods: methods.map(({ method: one }) => one) } }
}

function boxOf(call: Call, imageBytes: number): RackBoxPlan {
  const { link, streams } = call.options
  if (link !== undefined && parseBitRate(link) === undefined) {
    throw new WronglyCalled(`--link: ${String(link)} is not the speed of a link. Write it as 900Mbit/s`)
  }
  const places = streams === undefined ? undefined : number(call, 'streams', 64, mostStreams)
  if (places === 0) throw new WronglyCalled('--streams is 1 or more')
  return {
    imageBytes,
    ...(link === undefined ? {} : { link: String(link) }),
    ...(places === undefined ? {} : { streams: places }),
  }
}

function number(call: Call, name: string, usual: number, most: number): number {
  const text = call.options[name] ?? String(usual)
  const value = /^[0-9]{1,10}$/.test(String(text)) ? Number(text) : Number.NaN
  if (value <= most) return value
  throw new WronglyCalled(`--${name} is a whole number up to ${most}, not ${String(text)}`)
}

function valueOf<Value>(option: string, parsed: Parsed<Value>): Value {
  if (parsed.kind === 'value') return parsed.value
  throw new WronglyCalled(`${option}: ${parsed.because}`)
}

function report(tally: Tally): string {
  const times = [...phases, 'total' as const].flatMap((phase) => {
    const spread = tally.phases[phase]
    if (spread === undefined) return []
    const { p50, p95, p99, most } = spread
    return [[phase, ...[p50, p95, p99, most].map((ms) => `${(ms / 1000).toFixed(2)} s`)]]
  })
  const ways = Object.entries(tally.upBy).map(([method, count]) => `${count} ${method}`)
  const kinds = Object.entries(tally.byFirmware).map(([firmware, { machines, up }]) => [
    firmware,
    String(machines),
    String(up),
  ])
  const lost = tally.lost.slice(0, mostListed).map(({ mac, firmware, because }) => [mac, firmware, because])
  return [
    table(['phase', 'p50', 'p95', 'p99', 'longest'], times),
    '',
    table(['firmware', 'machines', 'up'], kinds),
    ...(lost.length === 0 ? [] : ['', table(['lost', 'firmware', 'because'], lost)]),
    '',
    `${tally.up} of ${tally.machines} machines are up${ways.length === 0 ? '' : ` (${ways.join(', ')})`}, ${tally.lost.length} were lost, ${tally.ownDisk} went to their own disk. ` +
      `${size(tally.byteCount)} in ${duration(Math.round(tally.seconds))}, ${size(tally.bytesPerSecond)} a second.`,
  ].join('\n')
}
