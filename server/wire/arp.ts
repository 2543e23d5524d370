import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { bytesOfIpv4, ipv4OfBytes, noAddress, type Ipv4 } from './ipv4.ts'
import { bytesOfMac, macOfBytes, type Mac } from './mac.ts'

/** Of Ethernet and IPv4 (RFC 826). */
export const arpBytes = 28
const ethernet = 1
const ipv4 = 0x0800
const request = 1
const reply = 2

/**
 * An ARP Probe: asks who is at an address without saying that the asker has one, so that nobody learns anything wrong from
 * it (RFC 5227 §1.1).
 */
export function arpProbe(from: Mac, address: Ipv4): Uint8Array {
  return new ByteWriter(arpBytes)
    .u16(ethernet)
    .u16(ipv4)
    .u8(6)
    .u8(4)
    .u16(request)
    .bytes(bytesOfMac(from))
    .bytes(bytesOfIpv4(noAddress))
    .zeros(6)
    .bytes(bytesOfIpv4(address))
    .done()
}

/** Who says by an ARP packet, request or reply, that an address is its own; `undefined` when the packet says no such thing. */
export function arpClaim(bytes: Uint8Array): { readonly address: Ipv4; readonly mac: Mac } | undefined {
  if (bytes.length < arpBytes) return undefined
  const reader = new ByteReader(bytes)
  const isArp = reader.u16() === ethernet && reader.u16() === ipv4 && reader.u8() === 6 && reader.u8() === 4
  if (!isArp || ![request, reply].includes(reader.u16())) return undefined
  const mac = macOfBytes(reader.view(6))
  const address = ipv4OfBytes(reader.view(4))
  if (mac === undefined || address === undefined || address === noAddress) return undefined
  return { address, mac }
}
