import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import { addressPlanOf, forbiddenTo } from './address-plan.ts'
import type { Lease, LeaseAnswer, LeaseRequest, LeaseView } from './lease.ts'
import { mustBeProbed } from './must-be-probed.ts'
import type { LeaseTimes, Network } from './network.ts'
import { putAside } from './put-aside.ts'

/** Who asks. Leases belong to a MAC: firmware, iPXE and system of one machine show different client identifiers. */
export type LeaseClient = {
  readonly mac: Mac
  readonly hostname: string | undefined
  readonly purpose: keyof LeaseTimes
}

/** How long an offered address waits for its REQUEST. UEFI collects offers for up to 32 s before it chooses. */
export const offerHoldSeconds = 60

type Question = {
  readonly client: LeaseClient
  readonly network: Network
  readonly leases: LeaseView
  readonly now: number
}

/** Decides what a client hears that asks for an address, keeps it or gives it back (RFC 2131 §4.3). */
export function answerLeaseRequest(
  request: LeaseRequest,
  client: LeaseClient,
  network: Network,
  leases: LeaseView,
  now: number,
): LeaseAnswer {
  const question = { client, network, leases, now }
  switch (request.kind) {
    case 'discover':
      return offer(question, request.wanted)
    case 'selecting':
      return select(question, request.server, request.wanted)
    case 'init-reboot':
      return reboot(question, request.wanted)
    case 'renewing':
      return extend(question, request.address)
    case 'decline':
      return decline(question, request.server, request.address)
    case 'release':
      return release(question, request.server, request.address)
  }
}

/** RFC 2131 §4.3.1: the address it has or had, else the one it asks for, else a free one; a reservation before all. */
function offer(question: Question, wanted: Ipv4 | undefined): LeaseAnswer {
  const { client, network, leases, now } = question
  const current = leases.leaseOf(network.name, client.mac)
  const address =
    [reservedFor(question), current?.address, wanted].find(
      (candidate) => candidate !== undefined && objection(question, candidate) === undefined,
    ) ?? leases.freeAddress(network.name, now)
  if (address === undefined) return nothingToOffer(question)
  const seconds = network.leaseSeconds[client.purpose]
  const held = ownAt(question, address)
  // A running lease stays what it is: the system that holds it may be asked about while its firmware starts again.
  if (held?.state === 'leased') return { kind: 'offer', lease: held, seconds, changes: [] }
  const lease = leaseOn(question, address, 'offered', now + offerHoldSeconds * 1000)
  if (mustBeProbed(address, client.mac, network, leases, now)) {
    return { kind: 'probe', lease, changes: [lease] }
  }
  return { kind: 'offer', lease, seconds, changes: [lease] }
}

function nothingToOffer({ client, network }: Question): LeaseAnswer {
  if (network.pool === undefined) {
    return silent(`${network.name} has no pool, and ${client.mac} has no reservation that is free`)
  }
  const { first, last } = network.pool
  const { poolSize } = addressPlanOf(network)
  const because = `none of the ${poolSize} addresses between ${first} and ${last} is free for ${client.mac}`
  return { kind: 'exhausted', because, changes: [] }
}

/** The client chose among offers and names the server whose offer it takes. */
function select(question: Question, server: Ipv4, wanted: Ipv4): LeaseAnswer {
  const { client, network, leases, now } = question
  if (server !== network.serverAddress) {
    const offered = leases.leaseOf(network.name, client.mac)
    const withdrawn = offered?.state === 'offered' && isHeld(offered, now) ? [released(offered, now)] : []
    return { ...silent(`${client.mac} chose the offer of ${server}`), chosen: server, changes: withdrawn }
  }
  const because = objection(question, wanted) ?? elsewhere(question, wanted)
  return because === undefined ? acknowledge(question, wanted) : refuse(wanted, because)
}

/** A client that starts again and believes to know its address. */
function reboot(question: Question, wanted: Ipv4): LeaseAnswer {
  const { client, network, leases } = question
  const because =
    objection(question, wanted) ?? elsewhere(question, wanted) ?? betterReserved(question, wanted)
  if (because !== undefined) return refuse(wanted, because)
  const known = leases.leaseAt(network.name, wanted)?.mac === client.mac || reservedFor(question) === wanted
  if (known) return acknowledge(question, wanted)
  const other = leases.leaseOf(network.name, client.mac)
  if (other !== undefined) return refuse(wanted, `${client.mac} last had ${other.address}`)
  // RFC 2131 §4.3.2: a server without a record of the client must stay silent, since another may have one.
  return silent(`nothing is known of ${client.mac} and ${wanted}`)
}

/**
 * A client that uses its address and wants to keep it. Without a record, after the loss of a store, an address that is free
 * in the pool is the client's: it is in use, and to refuse it would only invite somebody else onto it.
 */
function extend(question: Question, address: Ipv4): LeaseAnswer {
  const because = objection(question, address) ?? elsewhere(question, address)
  return because === undefined ? acknowledge(question, address) : refuse(address, because)
}

/** RFC 2131 §4.3.3. Only who holds an address may put it aside; otherwise one client could empty the pool. */
function decline(question: Question, server: Ipv4 | undefined, address: Ipv4): LeaseAnswer {
  const { network, now } = question
  const stranger = notForUs(question, server)
  if (stranger !== undefined) return stranger
  const held = ownAt(question, address)
  if (held === undefined) return silent(`${address} is not held by ${question.client.mac}`)
  return { kind: 'noted', changes: [putAside({ ...held, network: network.name }, now)] }
}

/** RFC 2131 §4.3.4: the address is free, and kept in mind for this client. */
function release(question: Question, server: Ipv4 | undefined, address: Ipv4): LeaseAnswer {
  const stranger = notForUs(question, server)
  if (stranger !== undefined) return stranger
  const held = ownAt(question, address)
  if (held === undefined) return silent(`${address} is not held by ${question.client.mac}`)
  return { kind: 'noted', changes: [released(held, question.now)] }
}

function acknowledge(question: Question, address: Ipv4): LeaseAnswer {
  const { client, network, now } = question
  const seconds = network.leaseSeconds[client.purpose]
  const held = ownAt(question, address)
  const running = held?.state === 'leased' ? held : undefined
  // The firmware of a machine that starts again hears its short time, and the long lease of its system runs on.
  const endsAt = Math.max(now + seconds * 1000, running?.endsAt ?? 0)
  const lease = { ...leaseOn(question, address, 'leased', endsAt), since: running?.since ?? now }
  // Also when nothing changes: each acknowledgement rests on its own write, whatever became of those before it.
  return { kind: 'acknowledge', lease, seconds, changes: [lease] }
}

function leaseOn(question: Question, address: Ipv4, state: Lease['state'], endsAt: number): Lease {
  const { client, network, leases, now } = question
  const known = leases.leaseAt(network.name, address)
  const hostname =
    network.reservations.get(client.mac)?.hostname ??
    client.hostname ??
    (known?.mac === client.mac ? known.hostname : undefined)
  return { network: network.name, address, mac: client.mac, state, since: now, endsAt, hostname }
}

function released(lease: Lease, now: number): Lease {
  return { ...lease, state: 'released', since: now, endsAt: now }
}

/** Why this client cannot have this address now; `undefined` when it can. */
function objection(question: Question, address: Ipv4): string | undefined {
  const { client, network, leases, now } = question
  const forbidden = forbiddenTo(client.mac, address, network)
  if (forbidden !== undefined) return `${address} ${forbidden}`
  const lease = leases.leaseAt(network.name, address)
  if (lease === undefined || !isHeld(lease, now)) return undefined
  if (lease.state === 'declined') return `${address} was found in use by an unknown machine`
  return lease.mac === client.mac ? undefined : `${address} is ${lease.state} to ${lease.mac}`
}

/** One client holds one address, save that it may move to the one reserved for it. */
function elsewhere(question: Question, wanted: Ipv4): string | undefined {
  const { client, network, leases, now } = question
  if (reservedFor(question) === wanted || ownAt(question, wanted) !== undefined) return undefined
  const current = leases.leaseOf(network.name, client.mac)
  if (current === undefined || current.address === wanted || !isHeld(current, now)) return undefined
  return `${current.address} is ${current.state} to ${client.mac}`
}

/** A machine that starts again moves to its reservation; one that runs keeps its address until then. */
function betterReserved(question: Question, wanted: Ipv4): string | undefined {
  const reserved = reservedFor(question)
  if (reserved === undefined || reserved === wanted || objection(question, reserved) !== undefined)
    return undefined
  return `${reserved} is reserved for ${question.client.mac}`
}

function reservedFor({ client, network }: Question): Ipv4 | undefined {
  return network.reservations.get(client.mac)?.address
}

/** The offer or lease in force that this client has on this address. */
function ownAt({ client, network, leases, now }: Question, address: Ipv4): Lease | undefined {
  const lease = leases.leaseAt(network.name, address)
  if (lease?.mac !== client.mac || lease.state === 'declined' || !isHeld(lease, now)) return undefined
  return lease
}

function isHeld({ state, endsAt }: Lease, now: number): boolean {
  return state !== 'released' && endsAt > now
}

/** A missing server identifier is forgiven: the message came to us. */
function notForUs({ network }: Question, server: Ipv4 | undefined): LeaseAnswer | undefined {
  if (server === undefined || server === network.serverAddress) return undefined
  return silent(`it is meant for the server ${server}`)
}

function silent(because: string): LeaseAnswer & { readonly kind: 'stay-silent' } {
  return { kind: 'stay-silent', because, changes: [] }
}

function refuse(wanted: Ipv4, because: string): LeaseAnswer {
  return { kind: 'refuse', wanted, because, changes: [] }
}
