import { bytesOfIpv4, type Ipv4 } from './ipv4.ts'

/** A UDP datagram and when it passed. */
export type Frame = {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly at: number
  readonly from: { readonly address: Ipv4; readonly port: number }
  readonly to: { readonly address: Ipv4; readonly port: number }
  /** The payload of UDP. */
  readonly bytes: Uint8Array
}

/** Header of the file, 24 bytes, and of each packet, 16 (draft-ietf-opsawg-pcap §4, §5). */
const fileHeaderBytes = 24
const packetHeaderBytes = 16
/** Times in microseconds, in the byte order of this number. */
const magic = 0xa1b2_c3d4
/** LINKTYPE_RAW: packets begin with their IP header (the registry of link types, 101). */
const linkTypeRaw = 101
const snapLength = 262_144

/** Without options (RFC 791 §3.1), and RFC 768. */
const ipHeaderBytes = 20
const udpHeaderBytes = 8
const headerBytes = ipHeaderBytes + udpHeaderBytes
const udpProtocol = 17
const timeToLive = 64
/** The longest payload that fits the length fields. */
const longestPayload = 65_535 - headerBytes

/**
 * A pcap file of datagrams, the oldest first. Their IP and UDP headers are made up of what is known: the addresses and the
 * ports. A UDP checksum of 0 says that there is none (RFC 768).
 */
export function writePcap(frames: readonly Frame[]): Uint8Array {
  const sizes = frames.map(({ bytes }) => headerBytes + Math.min(bytes.length, longestPayload))
  const total = sizes.reduce((sum, size) => sum + packetHeaderBytes + size, fileHeaderBytes)
  const file = new Uint8Array(total)
  const fields = new DataView(file.buffer)
  fields.setUint32(0, magic)
  fields.setUint16(4, 2)
  fields.setUint16(6, 4)
  fields.setUint32(16, snapLength)
  fields.setUint32(20, linkTypeRaw)
  let offset = fileHeaderBytes
  for (const [index, frame] of frames.entries()) {
    const size = sizes[index] ?? 0
    fields.setUint32(offset, Math.floor(frame.at / 1_000))
    fields.setUint32(offset + 4, Math.floor((frame.at % 1_000) * 1_000))
    fields.setUint32(offset + 8, size)
    fields.setUint32(offset + 12, size)
    offset += packetHeaderBytes
    writeDatagram(new DataView(file.buffer, offset, size), frame, size)
    offset += size
  }
  return file
}

function writeDatagram(fields: DataView, { from, to, bytes }: Frame, size: number): void {
  const packet = new Uint8Array(fields.buffer, fields.byteOffset, size)
  // Version 4, and a header of five words.
  fields.setUint8(0, 0x45)
  fields.setUint16(2, size)
  fields.setUint8(8, timeToLive)
  fields.setUint8(9, udpProtocol)
  packet.set(bytesOfIpv4(from.address), 12)
  packet.set(bytesOfIpv4(to.address), 16)
  fields.setUint16(10, checksumOf(fields))
  fields.setUint16(ipHeaderBytes, from.port)
  fields.setUint16(ipHeaderBytes + 2, to.port)
  fields.setUint16(ipHeaderBytes + 4, size - ipHeaderBytes)
  packet.set(bytes.subarray(0, size - headerBytes), headerBytes)
}

/** Over the IP header, whose own checksum field still is 0 (RFC 1071 §1). */
function checksumOf(fields: DataView): number {
  let sum = 0
  for (let at = 0; at < ipHeaderBytes; at += 2) sum += fields.getUint16(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
