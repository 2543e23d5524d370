import { noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { broadcastFlag } from './layout.ts'
import type { DhcpMessage } from './message.ts'
import { optionCodes } from './option-codes.ts'
import { addressValue, messageTypeValue } from './option-values.ts'
import { serverOverrideOf } from './options.ts'

export type ReplyType = 'offer' | 'ack' | 'nak'

/**
 * What every reply owes its request: the fields copied (RFC 2131 §4.3.1, table 3), its type, its server, and the options
 * that go back as they came. Addresses, boot file and the other options are for the caller to set.
 */
export function replyTo(request: DhcpMessage, type: ReplyType, server: Ipv4): DhcpMessage {
  const relayed = request.giaddr !== noAddress
  // A relay in between hands out the address that clients take for the server's (RFC 5107).
  const identifier = (relayed ? serverOverrideOf(request) : undefined) ?? server
  const options = new Map<number, Uint8Array>([
    [optionCodes.messageType, messageTypeValue(type)],
    [optionCodes.serverIdentifier, addressValue(identifier)],
  ])
  for (const code of echoed) {
    const value = request.options.get(code)
    if (value !== undefined) options.set(code, value)
  }
  return {
    op: 2,
    htype: request.htype,
    hlen: request.hlen,
    hops: 0,
    xid: request.xid,
    secs: 0,
    // Behind a relay a NAK reaches only a client that is not asked by its address (RFC 2131 §4.3.2).
    flags: type === 'nak' && relayed ? request.flags | broadcastFlag : request.flags,
    ciaddr: type === 'ack' ? request.ciaddr : noAddress,
    yiaddr: noAddress,
    siaddr: noAddress,
    giaddr: request.giaddr,
    chaddr: request.chaddr,
    sname: '',
    file: '',
    options,
  }
}

/** Client identifier (RFC 6842), machine identifier (RFC 4578 §2.3), subnet selection (RFC 3011), relay agent (RFC 3046). */
const echoed: readonly number[] = [
  optionCodes.clientIdentifier,
  optionCodes.machineIdentifier,
  optionCodes.subnetSelection,
  optionCodes.relayAgent,
]
