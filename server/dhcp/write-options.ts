import { longestPart } from './layout.ts'
import type { DhcpOptions } from './message.ts'
import { optionCodes } from './option-codes.ts'

/**
 * One field of options: 53 first, 52 behind it, 82 last, the others in their order between, and the end.
 *
 * @param size bytes in all, as `sizeOfOption` sums them up, and one for the end
 */
export function writeOptions(options: DhcpOptions, size: number): Uint8Array {
  const field = new Uint8Array(size)
  let at = writeFrom(options, optionCodes.messageType, field, 0)
  at = writeFrom(options, optionCodes.overload, field, at)
  for (const [code, value] of options) {
    if (!hasItsPlace(code)) at = writeOption(field, at, code, value)
  }
  at = writeFrom(options, optionCodes.relayAgent, field, at)
  field[at] = optionCodes.end
  return field
}

/** Bytes on the wire of an option whose value has `length` bytes, divided into parts when it is long. */
export function sizeOfOption(length: number): number {
  return length + headSize * Math.max(1, Math.ceil(length / longestPart))
}

/** The longest value that, in parts, fits into `left` bytes. */
export function valueRoom(left: number): number {
  const wholeParts = Math.floor(left / (headSize + longestPart))
  const rest = left - wholeParts * (headSize + longestPart)
  return wholeParts * longestPart + Math.max(0, rest - headSize)
}

/** The code and the length before each part. */
const headSize = 2

function hasItsPlace(code: number): boolean {
  return code === optionCodes.messageType || code === optionCodes.overload || code === optionCodes.relayAgent
}

function writeFrom(options: DhcpOptions, code: number, field: Uint8Array, at: number): number {
  const value = options.get(code)
  return value === undefined ? at : writeOption(field, at, code, value)
}

/** Writes an option, in parts of at most 255 bytes (RFC 3396), and gives the place behind it. */
function writeOption(field: Uint8Array, at: number, code: number, value: Uint8Array): number {
  let from = 0
  let to = at
  do {
    const part = value.length <= longestPart ? value : value.subarray(from, from + longestPart)
    field[to] = code
    field[to + 1] = part.length
    field.set(part, to + headSize)
    to += headSize + part.length
    from += longestPart
  } while (from < value.length)
  return to
}
