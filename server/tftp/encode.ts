import { ByteWriter } from '../wire/byte-writer.ts'
import { bytesOfText, printable } from '../wire/text.ts'
import { blockHeaderBytes, errorCodes, operations } from './packet.ts'
import type { TftpErrorName, TftpOptions, TftpPacket } from './packet.ts'

/** Longer texts do not fit on the screen of a firmware. */
const longestErrorText = 200

/** The datagram of one packet. */
export function encodeTftp(packet: TftpPacket): Uint8Array {
  const writer = new ByteWriter(64).u16(operations[packet.kind])
  switch (packet.kind) {
    case 'read-request':
    case 'write-request':
      text(text(writer, packet.file), packet.mode)
      return options(writer, packet.options).done()
    case 'block':
      return writer
        .u16(packet.block & 0xffff)
        .bytes(packet.bytes)
        .done()
    case 'acknowledgement':
      return writer.u16(packet.block & 0xffff).done()
    case 'error':
      return text(writer.u16(packet.code), packet.text).done()
    case 'option-acknowledgement':
      return options(writer, packet.options).done()
  }
}

/** An ERROR whose text says why in words that a firmware can show. */
export function encodeTftpError(name: TftpErrorName, because: string): Uint8Array {
  return encodeTftp({ kind: 'error', code: errorCodes[name], text: printable(because, longestErrorText) })
}

/**
 * Writes the DATA packets `first` to `last` of a file one behind the other into `room`, each but the file's last one
 * `blockBytes` and its header long. Blocks count from 1; on the wire the number goes from 65535 to 0.
 */
export function encodeBlocks(
  room: Uint8Array,
  file: Uint8Array,
  { first, last, blockBytes }: { readonly first: number; readonly last: number; readonly blockBytes: number },
): Uint8Array {
  let at = 0
  for (let block = first; block <= last; block++) {
    room[at] = 0
    room[at + 1] = operations.block
    room[at + 2] = (block >>> 8) & 0xff
    room[at + 3] = block & 0xff
    const content = file.subarray((block - 1) * blockBytes, block * blockBytes)
    room.set(content, at + blockHeaderBytes)
    at += blockHeaderBytes + content.length
  }
  return room.subarray(0, at)
}

function options(writer: ByteWriter, options: TftpOptions): ByteWriter {
  for (const [name, value] of options) text(text(writer, name), value)
  return writer
}

/** A NUL inside would end the text and begin another field. */
function text(writer: ByteWriter, value: string): ByteWriter {
  return writer.bytes(bytesOfText(value.replaceAll('\0', ''))).u8(0)
}
