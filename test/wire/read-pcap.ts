import type { Frame } from '../../server/wire/write-pcap.ts'
import { ip } from '../networks/a-network.ts'

/** Reads a pcap file of UDP over IPv4 strictly, after draft-ietf-opsawg-pcap, RFC 791 and RFC 768. Throws at any fault. */
export function readPcap(bytes: Uint8Array): readonly Frame[] {
  const file = Buffer.from(bytes)
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(what)
  }
  must(file.readUInt32BE(0) === 0xa1b2c3d4, 'magic')
  must(file.readUInt16BE(4) === 2 && file.readUInt16BE(6) === 4, 'version 2.4')
  must(file.readUInt32BE(16) >= 65_535, 'snap length')
  must(file.readUInt32BE(20) === 101, 'LINKTYPE_RAW')
  const frames: Frame[] = []
  let at = 24
  while (at < file.length) {
    const [seconds, micros] = [file.readUInt32BE(at), file.readUInt32BE(at + 4)]
    const length = file.readUInt32BE(at + 8)
    must(micros < 1_000_000, 'microseconds')
    must(length === file.readUInt32BE(at + 12), 'nothing is cut')
    const packet = file.subarray(at + 16, at + 16 + length)
    must(packet.length === length, 'the packet is all there')
    must(packet[0] === 0x45 && packet[9] === 17, 'UDP over IPv4 without options')
    must(packet.readUInt16BE(2) === length, 'total length')
    must((packet.readUInt16BE(6) & 0x3fff) === 0, 'not a fragment')
    must(onesComplementSum(packet.subarray(0, 20)) === 0xffff, 'header checksum')
    must(packet.readUInt16BE(24) === length - 20, 'UDP length')
    frames.push({
      at: seconds * 1_000 + micros / 1_000,
      from: { address: ip([...packet.subarray(12, 16)].join('.')), port: packet.readUInt16BE(20) },
      to: { address: ip([...packet.subarray(16, 20)].join('.')), port: packet.readUInt16BE(22) },
      bytes: new Uint8Array(packet.subarray(28)),
    })
    at += 16 + length
  }
  return frames
}

/** Of a header with its checksum in it: all ones when it is right (RFC 1071). */
function onesComplementSum(header: Buffer): number {
  let sum = 0
  for (let at = 0; at < header.length; at += 2) {
    sum += header.readUInt16BE(at)
    if (sum > 0xffff) sum -= 0xffff
  }
  return sum
}
