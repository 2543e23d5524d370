import { hexOf } from '../wire/hex.ts'
import { ipv4OfBytes, noAddress } from '../wire/ipv4.ts'
import { printable, textUpToNul } from '../wire/text.ts'
import { architectureNumbered } from './architectures.ts'
import { macOf } from './hardware-address.ts'
import { broadcastFlag } from './layout.ts'
import type { DhcpMessage } from './message.ts'
import { optionCodes } from './option-codes.ts'
import { optionName } from './option-names.ts'
import {
  clientArchitecturesOf,
  ipxeOptionsOf,
  machineUuidOf,
  messageTypeOf,
  relayAgentOf,
  requestedOptionsOf,
  undiVersionOf,
  userClassesOf,
  vendorOptionsOf,
} from './options.ts'
import type { SubOptions } from './sub-options.ts'

/** A message in words: what it is and from whom, its addresses and names, then an option a line. No line ends in a line feed. */
export function describe(message: DhcpMessage): string {
  return [headline(message), ...fields(message), ...options(message)].join('\n  ')
}

function headline(message: DhcpMessage): string {
  const type = messageTypeOf(message)?.toUpperCase() ?? 'message without a known type'
  const way = message.op === 1 ? 'from client' : 'to client'
  const hardware = macOf(message) ?? otherHardware(message)
  const parts = [`${type} ${way} ${hardware}`, `transaction ${message.xid.toString(16).padStart(8, '0')}`]
  if (message.secs > 0) parts.push(`after ${message.secs} s`)
  if (message.hops > 0) parts.push(`over ${message.hops} relays`)
  if ((message.flags & broadcastFlag) !== 0) parts.push('by broadcast')
  return parts.join(', ')
}

function otherHardware({ htype, hlen, chaddr }: DhcpMessage): string {
  if (hlen === 0) return `no hardware address (type ${htype})`
  return `${hexOf(chaddr.subarray(0, hlen), ' ')} (hardware type ${htype})`
}

function fields(message: DhcpMessage): string[] {
  const { ciaddr, yiaddr, siaddr, giaddr } = message
  const addresses = Object.entries({ ciaddr, yiaddr, siaddr, giaddr }).filter(([, it]) => it !== noAddress)
  const names = Object.entries({ sname: message.sname, file: message.file }).filter(([, it]) => it !== '')
  return [
    ...addresses.map(([name, address]) => `${name}: ${address}`),
    ...names.map(([name, text]) => `${name}: ${quoted(text)}`),
  ]
}

function options(message: DhcpMessage): string[] {
  return [...message.options].map(([code, value]) => {
    const words = special.get(code)?.(message) ?? shaped(code, value)
    return `${code} ${optionName(code)}: ${words}`
  })
}

/** What an option says in words, or `undefined` when it does not keep to its form. */
const special: ReadonlyMap<number, (message: DhcpMessage) => string | undefined> = new Map([
  [optionCodes.messageType, (message) => messageTypeOf(message)?.toUpperCase()],
  [optionCodes.parameterRequestList, (message) => requestedOptionsOf(message).join(' ')],
  [optionCodes.userClass, (message) => userClassesOf(message).map(quoted).join(' ')],
  [optionCodes.relayAgent, (message) => inBraces(relayAgentOf(message))],
  [optionCodes.clientArchitecture, architecturesInWords],
  [optionCodes.undiVersion, undiInWords],
  [optionCodes.machineIdentifier, machineUuidOf],
  [optionCodes.vendorEncapsulated, (message) => inBraces(vendorOptionsOf(message))],
  [optionCodes.ipxe, (message) => inBraces(ipxeOptionsOf(message))],
])

function architecturesInWords(message: DhcpMessage): string | undefined {
  const codes = clientArchitecturesOf(message)
  if (codes.length === 0) return undefined
  return codes.map((code) => `${code} (${architectureNumbered(code)?.name ?? 'not assigned'})`).join(', ')
}

function undiInWords(message: DhcpMessage): string | undefined {
  const undi = undiVersionOf(message)
  return undi?.type === 1 ? `UNDI ${undi.major}.${undi.minor}` : undefined
}

function inBraces(subOptions: SubOptions | undefined): string | undefined {
  if (subOptions === undefined || subOptions.size === 0) return undefined
  return `{ ${[...subOptions].map(([code, value]) => `${code}: ${hex(value)}`).join(', ')} }`
}

function shaped(code: number, value: Uint8Array): string {
  if (addresses.has(code) && value.length > 0 && value.length % 4 === 0) {
    const all = Array.from({ length: value.length / 4 }, (_, i) =>
      ipv4OfBytes(value.subarray(i * 4, i * 4 + 4)),
    )
    return all.join(' ')
  }
  if (numbers.has(code) && value.length > 0 && value.length <= 4) {
    return `${value.reduce((number, byte) => number * 256 + byte, 0)}`
  }
  if (texts.has(code)) return quoted(textUpToNul(value))
  return hex(value)
}

const addresses: ReadonlySet<number> = new Set([1, 3, 4, 5, 6, 7, 28, 32, 41, 42, 44, 50, 54, 118, 150])
const numbers: ReadonlySet<number> = new Set([2, 13, 22, 23, 26, 51, 57, 58, 59, 108])
const texts: ReadonlySet<number> = new Set([12, 14, 15, 17, 40, 56, 60, 66, 67, 100, 101, 114, 209, 210, 252])

/** Bytes of a value shown; the rest is counted. */
const shown = 64

function hex(value: Uint8Array): string {
  if (value.length === 0) return '(empty)'
  if (value.length <= shown) return hexOf(value, ' ')
  return `${hexOf(value.subarray(0, shown), ' ')} … (${value.length} bytes)`
}

function quoted(text: string): string {
  return `"${printable(text, 255)}"`
}
