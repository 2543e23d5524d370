/** An IPv4 address in dotted decimals without leading zeros. Made only by this module. */
export type Ipv4 = string & { readonly ipv4: unique symbol }

export const noAddress = '0.0.0.0' as Ipv4
export const everyone = '255.255.255.255' as Ipv4

const octet = '(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])'
const fourOctets = new RegExp(`^${octet}(?:\\.${octet}){3}$`)

/** Reads exactly four decimals; leading zeros are refused, since some readers take them for octal. */
export function parseIpv4(text: string): Ipv4 | undefined {
  return fourOctets.test(text) ? (text as Ipv4) : undefined
}

export function ipv4OfNumber(value: number): Ipv4 {
  return `${(value >>> 24) & 255}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Ipv4
}

/** The address as an unsigned 32-bit number. */
export function numberOfIpv4(address: Ipv4): number {
  // By hand, not by split: a packet reads and writes several addresses.
  let value = 0
  let octet = 0
  for (let i = 0; i < address.length; i++) {
    const character = address.charCodeAt(i)
    if (character === dot) {
      value = value * 256 + octet
      octet = 0
    } else octet = octet * 10 + character - zero
  }
  return value * 256 + octet
}

const dot = 0x2e
const zero = 0x30

export function ipv4OfBytes(bytes: Uint8Array): Ipv4 | undefined {
  return bytes.length === 4 ? (`${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as Ipv4) : undefined
}

export function bytesOfIpv4(address: Ipv4): Uint8Array {
  const value = numberOfIpv4(address)
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

/** A block of addresses, as `192.168.7.0/24`. */
export type Subnet = { readonly network: Ipv4; readonly prefixLength: number }

/** Reads `ADDRESS/LENGTH`; host bits are cleared. */
export function parseSubnet(text: string): Subnet | undefined {
  const [addressText = '', lengthText = '', ...rest] = text.split('/')
  const address = parseIpv4(addressText)
  if (address === undefined || rest.length > 0 || !/^(?:[0-9]|[12][0-9]|3[0-2])$/.test(lengthText)) {
    return undefined
  }
  return subnetOf(address, Number(lengthText))
}

export function subnetOf(address: Ipv4, prefixLength: number): Subnet {
  return { network: ipv4OfNumber((numberOfIpv4(address) & maskNumber(prefixLength)) >>> 0), prefixLength }
}

export function contains(subnet: Subnet, address: Ipv4): boolean {
  return subnetOf(address, subnet.prefixLength).network === subnet.network
}

export function netmaskOf(subnet: Subnet): Ipv4 {
  return ipv4OfNumber(maskNumber(subnet.prefixLength))
}

/** The last address of the block, to which every host of it listens (RFC 919 §7). */
export function broadcastOf(subnet: Subnet): Ipv4 {
  return ipv4OfNumber((numberOfIpv4(subnet.network) | ~maskNumber(subnet.prefixLength)) >>> 0)
}

function maskNumber(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0
}
