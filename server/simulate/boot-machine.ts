import { addressIn } from '../dhcp/option-shapes.ts'
import { optionCodes } from '../dhcp/option-codes.ts'
import { vendorClassOf } from '../dhcp/options.ts'
import type { DhcpMessage } from '../dhcp/message.ts'
import { noAddress, parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import type { SeedTexts } from './cloud-init.ts'
import { inPhase, Lost, type BootEnd, type Course, type TftpOrder } from './course.ts'
import type { RackMachine, RackMethod } from './rack.ts'
import { bootFileOf, runIpxe } from './run-ipxe.ts'
import { runOwnSystem, runSystem } from './run-system.ts'
import { takeLease } from './take-lease.ts'

/** How often a machine tries its boot program before its firmware gives up. */
const programTries = 3
/** The block at which a machine that restarts loses its power. */
const diesAtBlock = 20

/** A whole boot, from the first DISCOVER of the firmware to the last report of cloud-init, of the system on the disk if there is one. */
export function* bootMachine(machine: RackMachine, chance: () => number): Course<BootEnd> {
  try {
    if (machine.fault === 'restarts') {
      yield* firmware(machine, chance, diesAtBlock)
      yield* restart(chance)
    }
    yield* firmware(machine, chance, undefined)
    const ipxe = yield* runIpxe(machine, chance)
    if (ipxe.kind === 'own-disk') return ipxe
    const system = yield* runSystem(machine, ipxe.commandLine, chance)
    if (system.kind === 'written') yield* inPhase('own-system', fromDisk(machine, system.seed, chance))
    return up(machine, system.kind === 'written' ? system.by : 'ram')
  } catch (error) {
    if (error instanceof Lost) return { kind: 'lost', because: error.message }
    throw error
  }
}

/** The next boot of a machine whose disk is written: from the network once more, and then to its disk. */
function* fromDisk(machine: RackMachine, seed: SeedTexts, chance: () => number): Course<void> {
  yield* restart(chance)
  yield* firmware(machine, chance, undefined)
  const ipxe = yield* runIpxe(machine, chance)
  if (ipxe.kind === 'kernel') throw new Lost('its disk is written, and it was not sent there')
  yield* runOwnSystem(machine, seed, chance)
}

/** What a power supply needs until its machine asks again. */
function* restart(chance: () => number): Course<void> {
  yield { kind: 'pause', ms: 1_000 + chance() * 1_000 }
}

function up({ method }: RackMachine, by: RackMethod): BootEnd {
  if (method === undefined || method === by) return { kind: 'up', method: by }
  return { kind: 'lost', because: `it was to come up by the method ${method}, and came up by ${by}` }
}

/** The firmware up to the start of iPXE, or up to the block at which its power fails. */
function* firmware(
  machine: RackMachine,
  chance: () => number,
  diesAfterBlocks: number | undefined,
): Course<void> {
  // iPXE in the ROM is the firmware: its own DHCP and its script come next.
  if (machine.firmware === 'bios') return
  yield { kind: 'enter', phase: 'address' }
  const { ack } = yield* takeLease(machine, 'firmware', chance)
  yield { kind: 'enter', phase: 'program' }
  if (machine.firmware === 'http') yield* programByHttp(ack, diesAfterBlocks !== undefined)
  else yield* programByTftp(machine, ack, diesAfterBlocks)
}

function* programByTftp(
  machine: RackMachine,
  ack: DhcpMessage,
  diesAfterBlocks: number | undefined,
): Course<void> {
  const [server, file] = [serverOf(ack), bootFileOf(ack)]
  if (server === undefined || file === undefined) throw new Lost('its firmware was told no boot program')
  const common = {
    kind: 'fetch-tftp' as const,
    server,
    file,
    trailingMark: machine.fault === 'trailing-mark',
    diesAfterBlocks: undefined,
  }
  const uefi = machine.firmware === 'uefi'
  // EDK2 takes 1468 bytes and four blocks a time, Intel's ROMs 1456 and one (boot facts §2).
  const size: Pick<TftpOrder, 'blockBytes' | 'window'> = uefi
    ? { blockBytes: 1468, window: 4 }
    : { blockBytes: 1456, window: undefined }
  let because = ''
  for (let attempt = 0; attempt < programTries; attempt++) {
    if (uefi) {
      const known = yield { ...common, ...size, sizeOnly: true }
      if (known.kind === 'failed') {
        because = known.because
        continue
      }
    }
    const found = yield { ...common, ...size, sizeOnly: false, diesAfterBlocks }
    if (diesAfterBlocks !== undefined) return
    if (found.kind === 'file') {
      yield* program(file, found)
      return
    }
    because = found.kind === 'failed' ? found.because : 'it did not come'
  }
  throw new Lost(`its boot program ${file} did not come by TFTP: ${because}`)
}

function* programByHttp(ack: DhcpMessage, dies: boolean): Course<void> {
  const url = bootFileOf(ack)
  if (vendorClassOf(ack) !== 'HTTPClient' || url === undefined) {
    throw new Lost('its firmware was told no URL, or the reply is not for HTTP boot (option 60)')
  }
  const userAgent = 'UefiHttpBoot/1.0'
  let because = ''
  for (let attempt = 0; attempt < programTries; attempt++) {
    const head = yield { kind: 'fetch-http', method: 'HEAD', url, userAgent, keepText: false }
    const announced = head.kind === 'response' && head.status === 200 ? head.announced : undefined
    if (announced === undefined) {
      because = head.kind === 'failed' ? head.because : 'HEAD gave no Content-Length'
      continue
    }
    const diesAfterBytes = dies ? { diesAfterBytes: Math.floor(announced / 3) } : {}
    const found = yield {
      kind: 'fetch-http',
      method: 'GET',
      url,
      userAgent,
      keepText: false,
      ...diesAfterBytes,
    }
    if (dies) return
    if (found.kind === 'response' && found.status === 200 && found.byteCount === announced) {
      yield* program(url, found)
      return
    }
    because = found.kind === 'failed' ? found.because : 'it came short'
  }
  throw new Lost(`its boot program ${url} did not come by HTTP: ${because}`)
}

/** The same program comes by TFTP and by HTTP; it must be the same bytes. */
function* program(
  path: string,
  { byteCount, checksum }: { readonly byteCount: number; readonly checksum: number },
): Course<void> {
  const file = path.slice(path.lastIndexOf('/') + 1)
  const got = yield { kind: 'got', file, byteCount, checksum }
  if (got.kind === 'failed') throw new Lost(got.because)
}

/** Where the boot program is: in siaddr, or as an address in option 66 or the field before it. */
function serverOf(ack: DhcpMessage): Ipv4 | undefined {
  if (ack.siaddr !== noAddress) return ack.siaddr
  return addressIn(ack, optionCodes.serverIdentifier) ?? parseIpv4(ack.sname)
}
