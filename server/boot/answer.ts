import { decode } from '../dhcp/decode.ts'
import { destination, type Destination } from '../dhcp/destination.ts'
import { encode } from '../dhcp/encode.ts'
import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import { messageTypeOf, serverIdentifierOf } from '../dhcp/options.ts'
import { replySize } from '../dhcp/reply-size.ts'
import type { About, ApplianceEvent } from '../events/event.ts'
import { chainsAgain, type Chained } from '../machines/chained.ts'
import type { Sighting } from '../machines/identity.ts'
import type { Machine } from '../machines/machine.ts'
import type { ProxyStrategy } from '../machines/proxy-ladder.ts'
import type { Sign } from '../machines/seen-machine.ts'
import { answerLeaseRequest } from '../networks/answer-lease-request.ts'
import type { AddressProbe } from '../networks/found-in-use.ts'
import type { Lease, LeaseAnswer, LeaseView } from '../networks/lease.ts'
import type { Loader, Network, ProxyForm } from '../networks/network.ts'
import { quarantineSeconds } from '../networks/put-aside.ts'
import type { Whereabout } from '../networks/whereabouts.ts'
import { contains, everyone, noAddress, type Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import { decide, loads, nothingToLoad, type BootDecision, type BootSettings } from './decide.ts'
import { chooseNetwork } from './choose-network.ts'
import { chooseStrategy, hasStrategies } from './choose-strategy.ts'
import { identify, nameOfClient, type BootClient } from './identify.ts'
import { leaseRequestOf } from './lease-request.ts'
import { offer, refusal, type Granted } from './offer.ts'
import { addressHeard, proxyReply } from './proxy-reply.ts'

/** A datagram as it came in on a DHCP port. */
export type Incoming = {
  readonly bytes: Uint8Array
  readonly from: { readonly address: Ipv4; readonly port: number }
  /** The port of ours it came to. */
  readonly port: number
  readonly network: Network
  /** What else is reached over the same interface, through relays. */
  readonly behind?: readonly Network[]
  /** Milliseconds since 1970-01-01 UTC. */
  readonly at: number
  /** How many addresses were probed for it by now; absent when it is answered for the first time. */
  readonly probed?: number
}

/** A datagram to send out of the network the incoming one came from. */
export type Outgoing = {
  readonly bytes: Uint8Array
  readonly to: { readonly address: Ipv4; readonly port: number }
}

/** All that follows from one datagram. Nothing of it has been done yet. */
export type Answer = {
  readonly send: readonly Outgoing[]
  readonly happened: readonly ApplianceEvent[]
  /** What must be true, and on disk where its state says so, before `send` leaves. */
  readonly leases: readonly Lease[]
  /** The machine that showed itself, for the records; absent where nothing is to be recorded. */
  readonly seen: Sign | undefined
  /** The address that the sender was heard to have from another server. */
  readonly stands?: Whereabout
  /** To be probed first. The same datagram is answered again with what is known then. */
  readonly probe?: AddressProbe
}

/** What the policy may know of machines and addresses. */
export type MachineView = {
  readonly leases: LeaseView
  /** The name a machine is to have. */
  hostnameOf(network: Network, mac: Mac): string | undefined
  /** What a machine with UEFI loads first; absent, iPXE. */
  loaderOf?(network: Network, mac: Mac): Loader
  /** The form of what it is told in mode `proxy`; absent, the ladder. */
  proxyOfferOf?(network: Network, mac: Mac): ProxyForm
  /** The record of a machine that shows itself so, where it has one. */
  machineKnownAs?(sighting: Sighting, now: number): Machine | undefined
}

type Question = {
  readonly incoming: Incoming
  readonly message: DhcpMessage
  readonly type: MessageTypeName
  readonly client: BootClient
  readonly decision: BootDecision
  readonly about: About
  /** The record of the machine, where it has one. */
  readonly known: Machine | undefined
  /** How often its iPXE was given another; absent, it has no need of one. */
  readonly chained: Chained | undefined
}

/**
 * Decides all that follows from one datagram on a DHCP port: the heart of the appliance. It is given everything as values
 * and does nothing itself, so that a boot that failed in the field is replayed by feeding its bytes to it.
 */
export function answer(came: Incoming, view: MachineView, settings: BootSettings): Answer {
  const answered = firstAnswer(came, view, settings)
  if (came.probed === undefined) return answered
  // Who asked, and what, was told when it was answered for the first time.
  const happened = answered.happened.filter(({ kind }) => kind !== 'firmware-asked')
  return { ...answered, happened, seen: undefined }
}

function firstAnswer(came: Incoming, view: MachineView, settings: BootSettings): Answer {
  const { bytes, from } = came
  const decoded = decode(bytes)
  if (decoded.kind === 'malformed') {
    const source = `${from.address}:${from.port}`
    const { because } = decoded
    return only({
      kind: 'packet-malformed',
      network: came.network.name,
      protocol: 'dhcp',
      from: source,
      because,
    })
  }
  const identified = identify(decoded.message)
  if (identified.kind === 'not-ours') return ignored({ network: came.network.name }, identified.because)
  const { client } = identified
  const type = messageTypeOf(decoded.message)
  // A client that looks for an address has none (RFC 2131 §4.4.1): an offer must not go where a forged ciaddr points.
  const message = type === 'discover' ? { ...decoded.message, ciaddr: noAddress } : decoded.message
  const chosen = chooseNetwork(message, from.address, [came.network, ...(came.behind ?? [])])
  if (chosen.kind === 'none') return ignored({ network: came.network.name, mac: client.mac }, chosen.because)
  const { network } = chosen
  const incoming = { ...came, network }
  const about: About = { network: network.name, mac: client.mac }
  if (type === undefined) return ignored(about, 'it has no DHCP message type that is known here (option 53)')
  if (from.address === network.serverAddress && message.giaddr === noAddress) {
    // The kernel gives back what this box itself broadcast: its search for other servers.
    return ignored(about, 'this box sent it itself')
  }
  const loader = view.loaderOf?.(network, client.mac) ?? 'ipxe'
  const known = view.machineKnownAs?.(sightingOf(client), incoming.at)
  const chained = chainedOf(client, message, known, incoming.at)
  const decision = decide(client, network, settings, loader, chained)
  const question = { incoming, message, type, client, about, decision, known, chained }
  switch (network.mode) {
    case 'observe':
      return observe(question)
    case 'full':
      return type === 'inform' ? inform(question, settings) : grant(question, view, settings)
    case 'proxy':
      return assist(question, view, settings)
  }
}

/** Says what a network in mode `full` would have answered, and sends nothing. */
function observe(question: Question): Answer {
  const { type, client, decision, incoming, about } = question
  const [chosen] = otherServer(question)
  if (chosen !== undefined) return only(chosen)
  if (type !== 'discover')
    return ignored(about, `this network is only observed; it was a ${type.toUpperCase()}`)
  const { pool } = incoming.network
  const address =
    pool === undefined
      ? 'no address, as the settings give this network no pool'
      : `an address from ${pool.first} to ${pool.last}`
  const program = loads(decision) ?? `nothing to boot, as ${decision.because}`
  return only({
    kind: 'would-answer',
    ...about,
    client: describeClient(client),
    answer: `${address}; ${program}`,
  })
}

/** The server that a client has chosen, where that is not this box. Behind a relay, the relay may be taken for it. */
function otherServer({ message, type, client, incoming }: Question): ApplianceEvent[] {
  const { network } = incoming
  const server = serverIdentifierOf(message)
  if (type !== 'request' || server === undefined || server === network.serverAddress) return []
  if (message.giaddr !== noAddress || network.authoritative === true) return []
  const because = `${nameOfClient(client)} at ${client.mac} takes its address from it`
  return [{ kind: 'foreign-server-seen', network: network.name, server, because }]
}

/** The client has an address and wants to know the rest (RFC 2131 §4.3.5). */
function inform(question: Question, settings: BootSettings): Answer {
  const { message, incoming, about, decision } = question
  const asking = message.ciaddr === noAddress ? incoming.from.address : message.ciaddr
  if (asking !== noAddress && !contains(incoming.network.subnet, asking)) {
    return ignored(about, `${asking}, which wants to be informed, is not of this network`)
  }
  const reply = offer(message, 'ack', incoming.network, undefined, decision)
  return sending(question, reply, settings, { happened: [], leases: [], seen: signOf(question) })
}

function grant(question: Question, view: MachineView, settings: BootSettings): Answer {
  const { message, type, incoming, client, about } = question
  const { network, at } = incoming
  const held = view.leases.leaseOf(network.name, client.mac)
  const offered = held?.state === 'offered' && held.endsAt > at ? held.address : undefined
  const asked = leaseRequestOf(message, type, { offered, by: network.serverAddress })
  if (asked.kind === 'nothing') return ignored(about, asked.because)
  const hostname = view.hostnameOf(network, client.mac)
  const asker = {
    mac: client.mac,
    hostname: hostname ?? client.hostname,
    purpose: client.kind === 'system' ? ('system' as const) : ('firmware' as const),
  }
  const answered = answerLeaseRequest(asked.request, asker, network, view.leases, at)
  const leases = answered.changes
  switch (answered.kind) {
    case 'offer':
    case 'acknowledge': {
      const granted: Granted = { address: answered.lease.address, seconds: answered.seconds, hostname }
      const reply = offer(
        message,
        answered.kind === 'offer' ? 'offer' : 'ack',
        network,
        granted,
        question.decision,
      )
      const happened = grantedEvents(question, answered)
      return sending(question, reply, settings, { happened, leases, seen: signOf(question) })
    }
    case 'probe':
      return probing(question, answered.lease)
    case 'refuse': {
      const { wanted, because } = answered
      const reply = refusal(message, network, because)
      const told: ApplianceEvent = { kind: 'address-refused', ...about, wanted, because }
      return sending(question, reply, settings, { happened: [told], leases, seen: undefined })
    }
    case 'exhausted': {
      const told: ApplianceEvent = { kind: 'pool-exhausted', ...about, because: answered.because }
      return { send: [], happened: [told], leases, seen: signOf(question) }
    }
    case 'stay-silent': {
      const { because, chosen } = answered
      if (chosen === undefined) return { ...ignored(about, because), leases }
      const told: ApplianceEvent = { kind: 'other-server-chosen', ...about, server: chosen, because }
      return { ...only(told), happened: [told, ...otherServer(question)], leases }
    }
    case 'noted':
      return { send: [], happened: leases.flatMap((lease) => noted(about, lease)), leases, seen: undefined }
  }
}

/**
 * Addresses that are probed for one datagram. Who is in use answers within milliseconds, and only the last address is
 * waited for; a network where somebody answers at all of them is told of, rather than probed through.
 */
export const mostProbes = 8

function probing(question: Question, lease: Lease): Answer {
  const { client, about, incoming } = question
  const { probed = 0 } = incoming
  const seen = signOf(question)
  if (probed >= mostProbes) {
    const because = `somebody who has no lease answered at each of the ${probed} addresses that were probed for ${client.mac}`
    return { send: [], happened: [{ kind: 'pool-exhausted', ...about, because }], leases: [], seen }
  }
  const happened = client.kind === 'system' ? [] : [firmwareAsked(question)]
  const probe = { network: lease.network, address: lease.address, mac: client.mac }
  return { send: [], happened, leases: [lease], seen, probe }
}

/** Says what to boot beside the server that gives the addresses, and notes the address it gave. */
function assist(question: Question, view: MachineView, settings: BootSettings): Answer {
  const { message, client, about, incoming, type, decision } = question
  const { network, port, at } = incoming
  const chosen = chooseStrategy({
    message,
    type,
    client,
    decision,
    form: view.proxyOfferOf?.(network, client.mac) ?? 'ladder',
    ladder: question.known?.proxy,
    about,
    at,
  })
  const asked = { message, type, client, port, network, decision, strategy: chosen.strategy }
  const address = addressHeard(asked)
  const stands = address === undefined ? {} : { stands: { address, mac: client.mac } }
  const answered = proxyReply(asked)
  const seen = signOf(question)
  if (answered.kind === 'reply') {
    const isFirst = type === 'discover'
    const happened = [
      ...chosen.happened,
      ...(isFirst ? [firmwareAsked(question)] : []),
      ...bootOffered(question, hasStrategies(client, decision) ? chosen.strategy : undefined),
    ]
    const learnt = chosen.ladder === undefined ? seen : { ...seen, proxy: chosen.ladder }
    const rest = { happened, leases: [], seen: learnt, ...stands }
    return sending(question, answered.reply, settings, rest)
  }
  const { because } = answered
  const server = serverIdentifierOf(message)
  if (type === 'request' && address !== undefined && server !== network.serverAddress) {
    const from = server === undefined ? 'the server it had it from' : `the server ${server}`
    const to = nameOfClient(client)
    const told: ApplianceEvent = { kind: 'address-taken', ...about, taken: address, from, to }
    return { send: [], happened: [told], leases: [], seen, ...stands }
  }
  if (type === 'discover' && client.kind !== 'system') {
    return { send: [], happened: [firmwareAsked(question), ...bootOffered(question)], leases: [], seen }
  }
  return { ...ignored(about, because), seen, ...stands }
}

function firmwareAsked({ client, about }: Question): ApplianceEvent {
  return {
    kind: 'firmware-asked',
    ...about,
    client: nameOfClient(client),
    architecture: client.architecture?.name ?? 'unknown architecture',
    ...(client.vendorClass === undefined ? {} : { vendorClass: client.vendorClass }),
  }
}

function bootOffered({ client, about, decision }: Question, strategy?: ProxyStrategy): ApplianceEvent[] {
  const { because } = decision
  const program = loads(decision) ?? nothingToLoad
  const told: ApplianceEvent = { kind: 'boot-offered', ...about, program, because }
  const offered = strategy === undefined ? told : { ...told, strategy }
  if (decision.kind !== 'address-only') return [offered]
  const { architecture } = client
  const number = architecture === undefined ? {} : { number: architecture.code }
  return [offered, { kind: 'firmware-without-program', ...about, ...number, because }]
}

function grantedEvents(
  question: Question,
  answered: LeaseAnswer & { kind: 'offer' | 'acknowledge' },
): ApplianceEvent[] {
  const { client, about } = question
  const { lease, seconds } = answered
  if (answered.kind === 'acknowledge') {
    return [{ kind: 'address-leased', ...about, leased: lease.address, seconds, to: nameOfClient(client) }]
  }
  const offered: ApplianceEvent = { kind: 'address-offered', ...about, offered: lease.address, seconds }
  if (client.kind === 'system') return [offered]
  return [firmwareAsked(question), offered, ...bootOffered(question)]
}

function noted(about: About, lease: Lease): ApplianceEvent[] {
  switch (lease.state) {
    case 'declined':
      return [{ kind: 'address-declined', ...about, declined: lease.address, quarantineSeconds }]
    case 'released':
      return [{ kind: 'address-released', ...about, released: lease.address }]
    case 'offered':
    case 'leased':
      return []
  }
}

/** What the records learn from it: firmware and iPXE begin or carry on a boot, a system only carries one on. */
function signOf({ client, message, type, chained }: Question): Sign {
  const stage = client.kind === 'system' ? 'system' : client.kind === 'ipxe' ? 'ipxe' : 'firmware'
  return {
    stage,
    because: `${nameOfClient(client)} sent a ${type.toUpperCase()} (transaction ${message.xid.toString(16)})`,
    sighting: sightingOf(client),
    ...(chained === undefined ? {} : { chained }),
  }
}

function chainedOf(
  { kind, speaksHttp }: BootClient,
  { xid }: DhcpMessage,
  known: Machine | undefined,
  at: number,
): Chained | undefined {
  return kind === 'ipxe' && !speaksHttp ? chainsAgain(known?.chained, { xid, at }) : undefined
}

function sightingOf({ mac, uuid, architecture }: BootClient): Sighting {
  return { mac, uuid, architecture: architecture?.name, firmware: architecture?.family }
}

/** The answer that sends `reply`, unless that would leave the network: forged addresses must not be answered elsewhere. */
function sending(
  question: Question,
  reply: DhcpMessage,
  settings: BootSettings,
  rest: Omit<Answer, 'send'>,
): Answer {
  const { message, incoming, about } = question
  const to = destination(reply, message, { port: incoming.port, from: incoming.from })
  const because = unreachable(to, incoming.network, message)
  if (because !== undefined) return ignored(about, because)
  const { bytes } = encode(reply, { maxBytes: replySize(message, settings.mtu) })
  return { ...rest, send: [{ bytes, to: { address: to.address, port: to.port } }] }
}

function unreachable(
  { address, port }: Destination,
  network: Network,
  { giaddr }: DhcpMessage,
): string | undefined {
  if (port === 0) return `a reply to ${address} would go to port 0`
  if (address === everyone || address === giaddr || contains(network.subnet, address)) return undefined
  return `a reply to ${address} would leave this network`
}

function describeClient(client: BootClient): string {
  const { architecture } = client
  return architecture === undefined ? nameOfClient(client) : `${nameOfClient(client)} (${architecture.name})`
}

function ignored(about: About, because: string): Answer {
  return only({ kind: 'packet-ignored', ...about, protocol: 'dhcp', because })
}

function only(event: ApplianceEvent): Answer {
  return { send: [], happened: [event], leases: [], seen: undefined }
}
