import { everyone, noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { broadcastFlag } from './layout.ts'
import type { DhcpMessage } from './message.ts'
import { relayCodes } from './option-codes.ts'
import { messageTypeOf, relayAgentOf } from './options.ts'

/** UDP ports of DHCP (RFC 2131 §4.1) and of PXE's boot servers (PXE 2.1). */
export const ports = { server: 67, client: 68, bootServer: 4011 } as const

/** Where a request came from, and at which of our ports. */
export type Arrival = {
  readonly port: number
  readonly from: { readonly address: Ipv4; readonly port: number }
}

/** Where a reply goes; `kind` is the reason. `new-address` may be unicast to yiaddr by who can reach a client without ARP. */
export type Destination = {
  readonly kind:
    | 'boot-server-client'
    | 'relay'
    | 'refusal'
    | 'client-address'
    | 'informed-source'
    | 'asked-for-broadcast'
    | 'new-address'
  readonly address: Ipv4
  readonly port: number
}

/** Decides where a reply goes (RFC 2131 §4.1). */
export function destination(reply: DhcpMessage, request: DhcpMessage, arrival: Arrival): Destination {
  if (arrival.port === ports.bootServer) {
    // The client listens at the port it asked from, 68 or 4011.
    const address = request.ciaddr === noAddress ? arrival.from.address : request.ciaddr
    return { kind: 'boot-server-client', address: reachable(address), port: arrival.from.port }
  }
  if (request.giaddr !== noAddress) {
    return { kind: 'relay', address: request.giaddr, port: relayPort(request, arrival) }
  }
  if (messageTypeOf(reply) === 'nak') return { kind: 'refusal', address: everyone, port: ports.client }
  if (request.ciaddr !== noAddress) {
    return { kind: 'client-address', address: request.ciaddr, port: ports.client }
  }
  if (messageTypeOf(request) === 'inform' && arrival.from.address !== noAddress) {
    // Without the ciaddr that RFC 2131 §4.4.3 asks for; there is no yiaddr to fall back to.
    return { kind: 'informed-source', address: arrival.from.address, port: ports.client }
  }
  const kind = (reply.flags & broadcastFlag) !== 0 ? 'asked-for-broadcast' : 'new-address'
  return { kind, address: everyone, port: ports.client }
}

function reachable(address: Ipv4): Ipv4 {
  return address === noAddress ? everyone : address
}

/** 67, or where the relay sent from when it says so (RFC 8357). */
function relayPort(request: DhcpMessage, arrival: Arrival): number {
  return relayAgentOf(request)?.has(relayCodes.sourcePort) === true ? arrival.from.port : ports.server
}
