import { ipv4OfNumber, numberOfIpv4, type Ipv4 } from '../../server/wire/ipv4.ts'
import type { Mac } from '../../server/wire/mac.ts'

/** A UDP datagram with all its addresses. */
export type WireDatagram = {
  readonly fromMac: Mac
  readonly toMac: Mac
  readonly from: Ipv4
  readonly fromPort: number
  readonly to: Ipv4
  readonly toPort: number
  readonly bytes: Uint8Array
}

export const everyMac = 'ff:ff:ff:ff:ff:ff' as Mac
const etherTypeIpv4 = 0x0800
const protocolUdp = 17

/** The sender's MAC address and the EtherType of a frame. */
export function frameOf(frame: Buffer): { readonly fromMac: string; readonly etherType: number } {
  return { fromMac: macAt(frame, 6), etherType: frame.readUInt16BE(12) }
}

export function isIpv4(frame: Buffer): boolean {
  return frame.length >= 34 && frame.readUInt16BE(12) === etherTypeIpv4
}

/** The UDP datagram in an Ethernet frame; undefined for all other frames and for fragments. */
export function datagramIn(frame: Buffer): WireDatagram | undefined {
  if (!isIpv4(frame) || frame[23] !== protocolUdp || (frame.readUInt16BE(20) & 0x3fff) !== 0) return undefined
  const udp = 14 + (frame.readUInt8(14) & 15) * 4
  if (frame.length < udp + 8) return undefined
  return {
    fromMac: macAt(frame, 6),
    toMac: macAt(frame, 0),
    from: ipv4OfNumber(frame.readUInt32BE(26)),
    to: ipv4OfNumber(frame.readUInt32BE(30)),
    fromPort: frame.readUInt16BE(udp),
    toPort: frame.readUInt16BE(udp + 2),
    bytes: frame.subarray(udp + 8, udp + frame.readUInt16BE(udp + 4)),
  }
}

/** The Ethernet frame around a UDP datagram; its checksum is 0, which says that there is none (RFC 768). */
export function frameFor(datagram: WireDatagram): Buffer {
  const { bytes, fromMac, toMac } = datagram
  const frame = Buffer.alloc(42 + bytes.length)
  frame.write(toMac.replaceAll(':', ''), 0, 'hex')
  frame.write(fromMac.replaceAll(':', ''), 6, 'hex')
  frame.writeUInt16BE(etherTypeIpv4, 12)
  frame.writeUInt8(0x45, 14)
  frame.writeUInt16BE(28 + bytes.length, 16)
  frame.writeUInt8(64, 22)
  frame.writeUInt8(protocolUdp, 23)
  frame.writeUInt32BE(numberOfIpv4(datagram.from), 26)
  frame.writeUInt32BE(numberOfIpv4(datagram.to), 30)
  frame.writeUInt16BE(headerChecksum(frame.subarray(14, 34)), 24)
  frame.writeUInt16BE(datagram.fromPort, 34)
  frame.writeUInt16BE(datagram.toPort, 36)
  frame.writeUInt16BE(8 + bytes.length, 38)
  frame.set(bytes, 42)
  return frame
}

/** The checksum of an IPv4 header whose own field is still 0 (RFC 791 §3.1). */
function headerChecksum(header: Buffer): number {
  let sum = 0
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function macAt(frame: Buffer, at: number): Mac {
  return (frame.toString('hex', at, at + 6).match(/../g) ?? []).join(':') as Mac
}
