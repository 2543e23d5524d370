import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import { optionCodes } from '../dhcp/option-codes.ts'
import {
  addressValue,
  messageTypeValue,
  subOptionsValue,
  textValue,
  u16Value,
} from '../dhcp/option-values.ts'
import { noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { bytesOfMac } from '../wire/mac.ts'
import { parseHex } from '../wire/hex.ts'
import type { RackMachine } from './rack.ts'

/** Who speaks: the firmware of the machine, iPXE, or the system that it booted. */
export type Speaker = 'firmware' | 'ipxe' | 'system'

export type Asked = {
  readonly type: MessageTypeName
  readonly xid: number
  readonly secs: number
  /** What a REQUEST takes. */
  readonly chosen?: { readonly address: Ipv4; readonly server: Ipv4 } | undefined
  readonly hostname?: string | undefined
}

const broadcast = 0x8000

/** The message that this machine sends at this point, with the options that real firmware of its kind has in it. */
export function clientMessage(machine: RackMachine, speaker: Speaker, asked: Asked): DhcpMessage {
  const { mac } = machine
  const options = new Map<number, Uint8Array>([[optionCodes.messageType, messageTypeValue(asked.type)]])
  if (asked.chosen !== undefined) {
    options.set(optionCodes.serverIdentifier, addressValue(asked.chosen.server))
    options.set(optionCodes.requestedAddress, addressValue(asked.chosen.address))
  }
  for (const [code, value] of speech(machine, speaker, asked)) options.set(code, value)
  const chaddr = new Uint8Array(16)
  chaddr.set(bytesOfMac(mac))
  return {
    op: 1,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: asked.xid,
    secs: machine.fault === 'no-secs' ? 0 : asked.secs,
    flags: speaker === 'firmware' ? broadcast : 0,
    ciaddr: noAddress,
    yiaddr: noAddress,
    siaddr: noAddress,
    giaddr: noAddress,
    chaddr,
    sname: '',
    file: '',
    options,
  }
}

/** What RFC 4578 §2.1 and IANA give to x86 BIOS, x64 UEFI and x64 UEFI HTTP. */
const architectureNumbers = { bios: 0, rom: 0, uefi: 7, http: 16 } as const
const unassigned = 0xfffe

/** Parameter request lists as captured (test/fixtures/dhcp). */
const edk2Wants = [1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60]
const pxeWants = [128, 129, 130, 131, 132, 133, 134, 135]
const ipxeWants = [1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, ...pxeWants, 175, 203]
const romWants = [1, 3, 12, 13, 15, 17, 18, 43, 54, 60, 66, 67, ...pxeWants]
const udhcpcWants = [1, 3, 6, 12, 15, 28, 42]

/** PXE, HTTP and the rest of what Debian's iPXE of 2019 can, as it says so in option 175. */
const ipxeFeatures = [0x17, 0x13, 0x11, 0x27, 0x29, 0x15, 0x12].map(
  (code) => [code, Uint8Array.of(1)] as const,
)

function speech(
  machine: RackMachine,
  speaker: Speaker,
  { type, hostname }: Asked,
): readonly (readonly [number, Uint8Array])[] {
  const clientIdentifier = Uint8Array.of(1, ...bytesOfMac(machine.mac))
  const identifier = Uint8Array.of(0, ...(parseHex(machine.uuidInDhcp) ?? []))
  if (speaker === 'system') {
    return [
      [optionCodes.maxMessageSize, u16Value(576)],
      [optionCodes.parameterRequestList, Uint8Array.from(udhcpcWants)],
      [optionCodes.vendorClass, textValue('udhcp 1.35.0')],
      [optionCodes.clientIdentifier, clientIdentifier],
      ...(hostname === undefined ? [] : [[optionCodes.hostname, textValue(hostname)] as const]),
    ]
  }
  const inUefi = machine.firmware === 'uefi' || machine.firmware === 'http'
  const number = speaker === 'ipxe' && inUefi ? 7 : architectureNumbers[machine.firmware]
  const uefiUndi = speaker === 'ipxe' ? [3, 10] : [3, 0]
  const [major = 0, minor = 0] = inUefi ? uefiUndi : [2, 1]
  const word = number === 16 ? 'HTTPClient' : 'PXEClient'
  const undi = `${threeDigits(major)}${threeDigits(minor)}`
  const vendorClass = `${word}:Arch:${String(number).padStart(5, '0')}:UNDI:${undi}`
  const common: (readonly [number, Uint8Array])[] = [
    [optionCodes.machineIdentifier, identifier],
    [optionCodes.undiVersion, Uint8Array.of(1, major, minor)],
    ...architectureOption(machine, speaker, number),
    [optionCodes.vendorClass, textValue(vendorClass)],
  ]
  if (speaker === 'ipxe') {
    return [
      [optionCodes.maxMessageSize, u16Value(1472)],
      ...common,
      [optionCodes.userClass, textValue('iPXE')],
      [optionCodes.parameterRequestList, Uint8Array.from(ipxeWants)],
      [optionCodes.ipxe, subOptionsValue(ipxeFeatures)],
      [optionCodes.clientIdentifier, clientIdentifier],
    ]
  }
  const wants = {
    bios: romWants,
    rom: romWants,
    uefi: [...edk2Wants, 66, 67, 97, ...pxeWants],
    http: [...edk2Wants, 235, 67, 97],
  }[machine.firmware]
  // EDK2's REQUEST says that it takes anything (seen on OVMF).
  const size = inUefi && type === 'request' ? 65_280 : 1472
  return [
    [optionCodes.maxMessageSize, u16Value(size)],
    [optionCodes.parameterRequestList, Uint8Array.from(wants)],
    ...common,
  ]
}

function architectureOption(
  { fault }: RackMachine,
  speaker: Speaker,
  number: number,
): readonly (readonly [number, Uint8Array])[] {
  if (speaker === 'firmware' && fault === 'no-architecture') return []
  const said = speaker === 'firmware' && fault === 'wrong-architecture' ? unassigned : number
  return [[optionCodes.clientArchitecture, u16Value(said)]]
}

function threeDigits(number: number): string {
  return String(number).padStart(3, '0')
}
