import { decode } from '../dhcp/decode.ts'
import { encode } from '../dhcp/encode.ts'
import { broadcastFlag } from '../dhcp/layout.ts'
import type { DhcpMessage } from '../dhcp/message.ts'
import { optionCodes } from '../dhcp/option-codes.ts'
import { messageTypeValue, textValue } from '../dhcp/option-values.ts'
import { messageTypeOf, serverIdentifierOf } from '../dhcp/options.ts'
import { noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { bytesOfMac, type Mac } from '../wire/mac.ts'

/** Who asks, and a number that tells the replies to it from all others. */
export type Probe = { readonly mac: Mac; readonly xid: number }

/** Another DHCP server, and what it would give. */
export type ForeignServer = { readonly server: Ipv4; readonly offered: Ipv4 }

/**
 * A DISCOVER that makes every DHCP server of a network show itself. It is never followed by a REQUEST, so that what they
 * hold for it is soon free again.
 */
export function probeMessage({ mac, xid }: Probe): Uint8Array {
  const chaddr = new Uint8Array(16)
  chaddr.set(bytesOfMac(mac))
  const message: DhcpMessage = {
    op: 1,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid,
    secs: 0,
    // Offers by unicast would go to an address that this box has not.
    flags: broadcastFlag,
    ciaddr: noAddress,
    yiaddr: noAddress,
    siaddr: noAddress,
    giaddr: noAddress,
    chaddr,
    sname: '',
    file: '',
    options: new Map([
      [optionCodes.messageType, messageTypeValue('discover')],
      // Type 0 is no hardware address (RFC 2132 §9.14): it must not be taken for a client that this box may be itself.
      [optionCodes.clientIdentifier, Uint8Array.of(0, ...textValue(`ironwake-${mac}`))],
      [optionCodes.parameterRequestList, Uint8Array.of(optionCodes.subnetMask, optionCodes.router)],
    ]),
  }
  return encode(message).bytes
}

/** The server that a datagram shows: it must offer an address, to this probe, and not be this box. */
export function serverShown(
  datagram: { readonly bytes: Uint8Array; readonly from: Ipv4 },
  probe: Probe,
  own: Ipv4,
): ForeignServer | undefined {
  const decoded = decode(datagram.bytes)
  if (decoded.kind === 'malformed') return undefined
  const { message } = decoded
  if (message.op !== 2 || message.xid !== probe.xid || messageTypeOf(message) !== 'offer') return undefined
  if (message.yiaddr === noAddress) return undefined
  const server = serverIdentifierOf(message) ?? datagram.from
  return server === own ? undefined : { server, offered: message.yiaddr }
}
