import { ByteReader } from '../wire/byte-reader.ts'
import { Malformed } from '../wire/malformed.ts'
import { textUpToNul } from '../wire/text.ts'
import { operations, type TftpOptions, type TftpPacket, type TftpRequest } from './packet.ts'

export type DecodedTftp = TftpPacket | { readonly kind: 'malformed'; readonly because: string }

/** Reads one datagram. It never throws. */
export function decodeTftp(bytes: Uint8Array): DecodedTftp {
  try {
    // Nearly all that comes is this, and it decides how fast a client in lock-step is served.
    if (bytes.length === 4 && bytes[0] === 0 && bytes[1] === operations.acknowledgement) {
      return { kind: 'acknowledgement', block: ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0) }
    }
    return packet(new ByteReader(bytes))
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'malformed', because: error.message }
    throw error
  }
}

/** More options than all RFCs together define, so that a packet cannot make us keep many. */
const maxOptions = 16

function packet(reader: ByteReader): TftpPacket {
  const operation = reader.u16()
  switch (operation) {
    case operations['read-request']:
      return request('read-request', reader)
    case operations['write-request']:
      return request('write-request', reader)
    case operations.block:
      return { kind: 'block', block: reader.u16(), bytes: reader.bytes(reader.remaining) }
    case operations.acknowledgement:
      return { kind: 'acknowledgement', block: reader.u16() }
    case operations.error:
      // Some clients leave out the closing NUL of the text, or the text.
      return { kind: 'error', code: reader.u16(), text: textUpToNul(reader.bytes(reader.remaining)) }
    case operations['option-acknowledgement']:
      return { kind: 'option-acknowledgement', options: options(reader) }
    default:
      throw new Malformed(`operation ${operation} does not exist`)
  }
}

function request(kind: TftpRequest['kind'], reader: ByteReader): TftpRequest {
  const file = textUpToNul(withoutFiller(field(reader, 'file name')))
  const mode = textUpToNul(field(reader, 'mode')).toLowerCase()
  return { kind, file, mode, options: options(reader) }
}

/** Old Intel ROMs send the file name of DHCP with the end-of-options mark (255) that stood behind it. */
function withoutFiller(name: Uint8Array): Uint8Array {
  let end = name.length
  while (end > 0 && name[end - 1] === 0xff) end--
  return name.subarray(0, end)
}

function field(reader: ByteReader, what: string): Uint8Array {
  const bytes = upToNul(reader)
  if (bytes === undefined) throw new Malformed(`the ${what} has no end`)
  return bytes
}

/** Pairs of name and value. What follows an unfinished pair is no option and harms nobody (RFC 2347 asks for none). */
function options(reader: ByteReader): TftpOptions {
  const found = new Map<string, string>()
  while (found.size < maxOptions) {
    const name = upToNul(reader)
    const value = name === undefined || name.length === 0 ? undefined : upToNul(reader)
    if (name === undefined || value === undefined) break
    const key = textUpToNul(name).toLowerCase()
    // An option stands only once (RFC 2347); the first one counts.
    if (!found.has(key)) found.set(key, textUpToNul(value))
  }
  return found
}

/** The bytes before the next NUL, which is taken too; `undefined` when there is none. */
function upToNul(reader: ByteReader): Uint8Array | undefined {
  const bytes: number[] = []
  while (reader.remaining > 0) {
    const byte = reader.u8()
    if (byte === 0) return Uint8Array.from(bytes)
    bytes.push(byte)
  }
  return undefined
}
