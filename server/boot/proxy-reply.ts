import { ports } from '../dhcp/destination.ts'
import { broadcastFlag } from '../dhcp/layout.ts'
import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import { ipxeCodes, optionCodes, pxeCodes } from '../dhcp/option-codes.ts'
import {
  closedSubOptionsValue,
  subOptionsValue,
  textValue,
  textWithNulValue,
  u8Value,
} from '../dhcp/option-values.ts'
import { requestedAddressOf, serverIdentifierOf, vendorOptionsOf } from '../dhcp/options.ts'
import { replyTo } from '../dhcp/reply-to.ts'
import type { ProxyStrategy } from '../machines/proxy-ladder.ts'
import type { Network } from '../networks/network.ts'
import { contains, noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { hasStrategies } from './choose-strategy.ts'
import type { BootDecision } from './decide.ts'
import { nameOfClient, type BootClient } from './identify.ts'
import { raspberryPiMenu } from './raspberry-pi-menu.ts'

/** What a box says that leaves the addresses to another server. */
export type ProxyReply =
  | { readonly kind: 'reply'; readonly reply: DhcpMessage }
  | { readonly kind: 'stay-silent'; readonly because: string }

export type ProxyQuestion = {
  readonly message: DhcpMessage
  readonly type: MessageTypeName
  readonly client: BootClient
  /** The port of ours it came to. */
  readonly port: number
  readonly network: Network
  readonly decision: BootDecision
  /** The form in which PXE firmware is told. */
  readonly strategy: ProxyStrategy
}

/** Answers what to boot and never with an address; who does not boot from the network hears nothing (PXE 2.1 §2.2). */
export function proxyReply(question: ProxyQuestion): ProxyReply {
  const { client, decision, port } = question
  if (client.kind === 'system') {
    return silent(`another server gives the addresses of this network, and ${nameOfClient(client)} wants one`)
  }
  const because = port === ports.bootServer ? notForBootServer(question) : notForProxy(question)
  if (because !== undefined) return silent(because)
  if (decision.kind === 'address-only') return silent(`there is nothing to boot for it: ${decision.because}`)
  return { kind: 'reply', reply: replyOf(question, decision) }
}

/** The address that the sender has, or is about to have, from another server. */
export function addressHeard({ message, type, network }: ProxyQuestion): Ipv4 | undefined {
  if (type !== 'request' && type !== 'inform') return undefined
  const named = message.ciaddr === noAddress ? requestedAddressOf(message) : message.ciaddr
  if (named === undefined || named === network.serverAddress) return undefined
  return contains(network.subnet, named) ? named : undefined
}

function notForProxy({ message, type, network }: ProxyQuestion): string | undefined {
  if (type === 'discover') return undefined
  if (type !== 'request') return `a ${type.toUpperCase()} is for the server that gives the addresses`
  const server = serverIdentifierOf(message)
  if (server === network.serverAddress) return undefined
  return server === undefined
    ? 'a REQUEST that names no server is for the one that gives the addresses'
    : `it takes its address from the server ${server}`
}

function notForBootServer({ type }: ProxyQuestion): string | undefined {
  if (type === 'request' || type === 'inform') return undefined
  return `a ${type.toUpperCase()} has nothing to ask of a boot server (port ${ports.bootServer})`
}

function replyOf(question: ProxyQuestion, decision: Exclude<BootDecision, { kind: 'address-only' }>) {
  const { message, type, network, port } = question
  const base = replyTo(message, type === 'discover' ? 'offer' : 'ack', network.serverAddress)
  const options = new Map<number, Uint8Array>(base.options)
  const server = network.serverAddress
  // Who has no address yet can only be reached by broadcast; there is no yiaddr to send to.
  const flags = port === ports.bootServer ? base.flags : base.flags | broadcastFlag
  const reply: DhcpMessage = { ...base, flags, siaddr: server, options }
  switch (decision.kind) {
    case 'http-boot':
      options.set(optionCodes.vendorClass, textValue('HTTPClient'))
      options.set(optionCodes.bootFile, textValue(decision.url))
      return { ...reply, file: decision.url }
    case 'load-program':
    case 'run-script': {
      const file = decision.kind === 'load-program' ? decision.file : decision.url
      options.set(optionCodes.vendorClass, textValue('PXEClient'))
      const vendor = vendorOptions(question, decision)
      if (vendor !== undefined) options.set(optionCodes.vendorEncapsulated, vendor)
      if (namesNothing(question)) return reply
      if (question.client.kind === 'ipxe') options.set(optionCodes.ipxe, rightOfWay)
      options.set(optionCodes.tftpServerName, textValue(server))
      options.set(optionCodes.bootFile, textWithNulValue(file))
      return { ...reply, sname: server, file }
    }
  }
}

/**
 * iPXE goes by the offer of the highest priority, and among equals by the one that came last (net/udp/dhcp.c, core/settings.c): a
 * boot file of the server that gives the addresses must not take the place of this one.
 */
const rightOfWay = subOptionsValue([[ipxeCodes.priority, u8Value(1)]])

/** The offer of a boot server: what there is to load is told to who asks on port 4011 (PXE 2.1 §2.4.4). */
function namesNothing({ type, client, decision, strategy }: ProxyQuestion): boolean {
  return strategy === 'boot-server' && type === 'discover' && hasStrategies(client, decision)
}

/** Discovery control, bit 3: load the boot file as it is, without a menu and without looking for servers (PXE 2.1, table 2-1). */
const loadDirectly = 8

/** On port 67 what keeps EDK2 and BIOS ROMs from asking on 4011; there the boot item that was asked for, if one was. */
function vendorOptions(
  { message, port, client, strategy }: ProxyQuestion,
  decision: BootDecision,
): Uint8Array | undefined {
  if (port === ports.bootServer) {
    const item = vendorOptionsOf(message)?.get(pxeCodes.bootItem)
    return item === undefined ? undefined : closedSubOptionsValue([[pxeCodes.bootItem, item]])
  }
  if (strategy !== 'with-43' && hasStrategies(client, decision)) return undefined
  const own = decision.kind === 'load-program' && decision.vendorOptions === 'raspberry-pi'
  return closedSubOptionsValue([
    [pxeCodes.discoveryControl, u8Value(loadDirectly)],
    ...(own ? raspberryPiMenu() : []),
  ])
}

function silent(because: string): ProxyReply {
  return { kind: 'stay-silent', because }
}
