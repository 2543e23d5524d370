import { ByteReader } from '../wire/byte-reader.ts'
import { ipv4OfNumber, noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { Malformed } from '../wire/malformed.ts'
import { textUpToNul } from '../wire/text.ts'
import { chaddrWidth, fileWidth, magicCookie, overloads, snameWidth } from './layout.ts'
import type { DhcpMessage } from './message.ts'
import { optionCodes } from './option-codes.ts'
import { OptionCollector } from './option-collector.ts'

export type Decoded =
  | { readonly kind: 'message'; readonly message: DhcpMessage }
  | { readonly kind: 'malformed'; readonly because: string }

/** Reads a DHCP message from the payload of a UDP datagram; the message shares no memory with `bytes`. */
export function decode(bytes: Uint8Array): Decoded {
  try {
    // One copy of the whole is cheaper than one of each option.
    return { kind: 'message', message: messageIn(new ByteReader(new Uint8Array(bytes))) }
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'malformed', because: error.message }
    throw error
  }
}

function messageIn(reader: ByteReader): DhcpMessage {
  if (reader.remaining < shortest) {
    throw new Malformed(
      `${reader.remaining} bytes are too few for a DHCP message, which has ${shortest} or more`,
    )
  }
  const header = {
    op: opIn(reader),
    htype: reader.u8(),
    hlen: hlenIn(reader),
    hops: reader.u8(),
    xid: reader.u32(),
    secs: reader.u16(),
    flags: reader.u16(),
    ciaddr: addressIn(reader),
    yiaddr: addressIn(reader),
    siaddr: addressIn(reader),
    giaddr: addressIn(reader),
    chaddr: reader.view(chaddrWidth),
  }
  const sname = reader.view(snameWidth)
  const file = reader.view(fileWidth)
  expectCookie(reader.u32())

  const collector = new OptionCollector()
  collector.collect(reader.view(reader.remaining), 'the options')
  const overload = collector.take(optionCodes.overload)
  const overloaded = overload === undefined ? overloads.none : overloadOf(overload)
  // The order in which the parts of a long option follow each other (RFC 3396).
  if (overloaded & overloads.file) collector.collect(file, 'the options in file')
  if (overloaded & overloads.sname) collector.collect(sname, 'the options in sname')

  return {
    ...header,
    sname: overloaded & overloads.sname ? '' : textUpToNul(sname),
    file: overloaded & overloads.file ? '' : textUpToNul(file),
    options: collector.options(),
  }
}

/** The fixed fields and the cookie (RFC 2131 §2 and §3). */
const shortest = 240

function opIn(reader: ByteReader): number {
  const op = reader.u8()
  if (op === 1 || op === 2) return op
  throw new Malformed(`op is ${op}, neither 1 (from a client) nor 2 (from a server)`)
}

function hlenIn(reader: ByteReader): number {
  const hlen = reader.u8()
  if (hlen <= chaddrWidth) return hlen
  throw new Malformed(`hlen is ${hlen}, and chaddr has room for ${chaddrWidth} bytes`)
}

function addressIn(reader: ByteReader): Ipv4 {
  const number = reader.u32()
  return number === 0 ? noAddress : ipv4OfNumber(number)
}

function expectCookie(cookie: number): void {
  if (cookie === magicCookie) return
  if (cookie === 0) throw new Malformed('no magic cookie: plain BOOTP, which has no DHCP options')
  throw new Malformed(`the magic cookie is ${cookie.toString(16).padStart(8, '0')}, not 63825363`)
}

function overloadOf(value: Uint8Array): number {
  const [overload, ...rest] = value
  if (overload !== undefined && rest.length === 0 && overload <= overloads.both) return overload
  throw new Malformed('option 52 (overload) is none of 1 (file), 2 (sname) and 3 (both)')
}
