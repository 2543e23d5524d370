import type { Ipv4 } from '../wire/ipv4.ts'
import { ipv4OfBytes } from '../wire/ipv4.ts'
import { textUpToNul } from '../wire/text.ts'
import { uuidOfBytes, type Uuid } from '../wire/uuid.ts'
import { messageTypes, type DhcpMessage, type MessageTypeName } from './message.ts'
import { optionCodes, relayCodes } from './option-codes.ts'
import { addressIn, textIn, u16In, u16sIn, u8In } from './option-shapes.ts'
import { encapsulatedSubOptions, plainSubOptions, type SubOptions } from './sub-options.ts'

// The options this program acts upon, each by its name. Absent and unreadable are both `undefined`.

const typeNames: ReadonlyMap<number, MessageTypeName> = new Map(
  (Object.keys(messageTypes) as MessageTypeName[]).map((name) => [messageTypes[name], name]),
)

/** `undefined` also for the types of later RFCs, such as lease queries (RFC 4388), which this program does not speak. */
export function messageTypeOf(message: DhcpMessage): MessageTypeName | undefined {
  const type = u8In(message, optionCodes.messageType)
  return type === undefined ? undefined : typeNames.get(type)
}

export function hostnameOf(message: DhcpMessage): string | undefined {
  return textIn(message, optionCodes.hostname)
}

export function requestedAddressOf(message: DhcpMessage): Ipv4 | undefined {
  return addressIn(message, optionCodes.requestedAddress)
}

export function serverIdentifierOf(message: DhcpMessage): Ipv4 | undefined {
  return addressIn(message, optionCodes.serverIdentifier)
}

/** The option codes a client asks for, in its order of preference; none when it does not say. */
export function requestedOptionsOf(message: DhcpMessage): readonly number[] {
  return [...(message.options.get(optionCodes.parameterRequestList) ?? [])]
}

/** The largest IP datagram the client takes, its headers included (RFC 2131 §2, RFC 2132 §9.10). */
export function maxMessageSizeOf(message: DhcpMessage): number | undefined {
  return u16In(message, optionCodes.maxMessageSize)
}

/** What firmware says it is, as `PXEClient:Arch:00007:UNDI:003000`. */
export function vendorClassOf(message: DhcpMessage): string | undefined {
  return textIn(message, optionCodes.vendorClass)
}

/** The client identifier, opaque (RFC 2132 §9.14). */
export function clientIdentifierOf(message: DhcpMessage): Uint8Array | undefined {
  return message.options.get(optionCodes.clientIdentifier)
}

/** The user classes in either form: counted texts (RFC 3004), or one bare text, as iPXE sends it. */
export function userClassesOf(message: DhcpMessage): readonly string[] {
  const value = message.options.get(optionCodes.userClass)
  if (value === undefined) return []
  return (countedTexts(value) ?? [textUpToNul(value)]).filter((text) => text !== '')
}

/** The architectures the client can boot as, its first choice first (RFC 4578 §2.1). */
export function clientArchitecturesOf(message: DhcpMessage): readonly number[] {
  return u16sIn(message, optionCodes.clientArchitecture) ?? []
}

/** The network interface of the firmware: UNDI when its type is 1 (RFC 4578 §2.2). */
export type UndiVersion = { readonly type: number; readonly major: number; readonly minor: number }

export function undiVersionOf(message: DhcpMessage): UndiVersion | undefined {
  const [type, major, minor, ...rest] = message.options.get(optionCodes.undiVersion) ?? []
  if (type === undefined || major === undefined || minor === undefined || rest.length > 0) return undefined
  return { type, major, minor }
}

/** The SMBIOS UUID (RFC 4578 §2.3): a type of 0 and sixteen bytes. Some ROMs send it empty. */
export function machineUuidOf(message: DhcpMessage): Uuid | undefined {
  const value = message.options.get(optionCodes.machineIdentifier)
  return value?.[0] === 0 ? uuidOfBytes(value.subarray(1)) : undefined
}

/** What a relay added (RFC 3046); a reply repeats option 82 as it came, not from these. */
export function relayAgentOf(message: DhcpMessage): SubOptions | undefined {
  const value = message.options.get(optionCodes.relayAgent)
  return value === undefined ? undefined : plainSubOptions(value)
}

/** The subnet the client is on where giaddr says something else (RFC 3527). */
export function linkSelectionOf(message: DhcpMessage): Ipv4 | undefined {
  return relayAddress(message, relayCodes.linkSelection)
}

/** The address of a relay that wants to be taken for the server (RFC 5107). */
export function serverOverrideOf(message: DhcpMessage): Ipv4 | undefined {
  return relayAddress(message, relayCodes.serverIdentifierOverride)
}

/** The subnet in which the client wants its address (RFC 3011). */
export function subnetSelectionOf(message: DhcpMessage): Ipv4 | undefined {
  return addressIn(message, optionCodes.subnetSelection)
}

/** iPXE's own options; that there are any tells that iPXE is asking. */
export function ipxeOptionsOf(message: DhcpMessage): SubOptions | undefined {
  const value = message.options.get(optionCodes.ipxe)
  return value === undefined ? undefined : encapsulatedSubOptions(value)
}

/** Option 43 by its sub-options; PXE's, when option 60 begins with PXEClient. */
export function vendorOptionsOf(message: DhcpMessage): SubOptions | undefined {
  const value = message.options.get(optionCodes.vendorEncapsulated)
  return value === undefined ? undefined : encapsulatedSubOptions(value)
}

function relayAddress(message: DhcpMessage, code: number): Ipv4 | undefined {
  const value = relayAgentOf(message)?.get(code)
  return value === undefined ? undefined : ipv4OfBytes(value)
}

/** Texts each behind its length, when they fill the option exactly. */
function countedTexts(bytes: Uint8Array): string[] | undefined {
  const texts: string[] = []
  let at = 0
  while (at < bytes.length) {
    const length = bytes[at] ?? 0
    const end = at + 1 + length
    if (length === 0 || end > bytes.length) return undefined
    texts.push(textUpToNul(bytes.subarray(at + 1, end)))
    at = end
  }
  return texts
}
