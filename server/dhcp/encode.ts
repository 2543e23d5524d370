import { ByteWriter } from '../wire/byte-writer.ts'
import { numberOfIpv4, noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { bytesOfText } from '../wire/text.ts'
import { arrange } from './arrange.ts'
import { chaddrWidth, fileWidth, magicCookie, snameWidth } from './layout.ts'
import type { DhcpMessage } from './message.ts'
import { optionCodes } from './option-codes.ts'

export type Encoded = {
  readonly bytes: Uint8Array
  /** Codes of the options for which there was no room, in the order of their importance. */
  readonly dropped: readonly number[]
}

/**
 * Writes a DHCP message of 300 bytes or more, and of `maxBytes` of UDP payload or less. Options that do not fit go into
 * `file` and `sname` where these are empty; then the least important are left out (`arrange.ts` has the order). A name
 * too long for its field is written as the option that stands for the field.
 */
export function encode(message: DhcpMessage, limits: { readonly maxBytes?: number } = {}): Encoded {
  const maxBytes = Math.max(shortest, limits.maxBytes ?? everyClientTakes)
  const sname = nameField(message.sname, snameWidth)
  const file = nameField(message.file, fileWidth)
  const options = withLongNames(message, sname, file)
  const arranged = arrange(options, {
    options: maxBytes - beforeOptions,
    file: file.length === 0 ? fileWidth : 0,
    sname: sname.length === 0 ? snameWidth : 0,
  })

  const writer = new ByteWriter(Math.max(shortest, beforeOptions + arranged.options.length))
    .u8(message.op)
    .u8(message.htype)
    .u8(message.hlen)
    .u8(message.hops)
    .u32(message.xid)
    .u16(message.secs)
    .u16(message.flags)
    .u32(numberOf(message.ciaddr))
    .u32(numberOf(message.yiaddr))
    .u32(numberOf(message.siaddr))
    .u32(numberOf(message.giaddr))
    .field(message.chaddr, chaddrWidth)
    .field(arranged.sname ?? sname, snameWidth)
    .field(arranged.file ?? file, fileWidth)
    .u32(magicCookie)
    .bytes(arranged.options)
  if (writer.length < shortest) writer.zeros(shortest - writer.length)
  return { bytes: writer.done(), dropped: arranged.dropped }
}

/** A BOOTP message; relays and old firmware drop anything shorter (RFC 1542 §2.1). */
const shortest = 300
const beforeOptions = 240
/** The datagram of 576 bytes that every client must take, without its IP and UDP headers (RFC 2131 §2). */
const everyClientTakes = 576 - 28

/** A name for its field with room for the NUL that ends it, or nothing when it does not fit. */
function nameField(name: string, width: number): Uint8Array {
  if (name === '') return nothing
  const bytes = bytesOfText(name)
  return bytes.length < width ? bytes : nothing
}

const nothing = new Uint8Array(0)

/** Options 66 and 67 hold what sname and file have no room for (RFC 2132 §9.4, §9.5). */
function withLongNames(message: DhcpMessage, sname: Uint8Array, file: Uint8Array): DhcpMessage['options'] {
  const longSname = message.sname !== '' && sname.length === 0
  const longFile = message.file !== '' && file.length === 0
  if (!longSname && !longFile) return message.options
  const options = new Map(message.options)
  if (longSname && !options.has(optionCodes.tftpServerName)) {
    options.set(optionCodes.tftpServerName, bytesOfText(message.sname))
  }
  if (longFile && !options.has(optionCodes.bootFile)) {
    options.set(optionCodes.bootFile, bytesOfText(message.file))
  }
  return options
}

function numberOf(address: Ipv4): number {
  return address === noAddress ? 0 : numberOfIpv4(address)
}
