import { optionCodes } from './option-codes.ts'

/** Sub-option code to its bytes, in the order first seen; of one that comes twice, the first. */
export type SubOptions = ReadonlyMap<number, Uint8Array>

/** The sub-options of the relay agent information, where every code is one (RFC 3046). */
export function plainSubOptions(bytes: Uint8Array): SubOptions {
  return subOptionsIn(bytes, noMarks)
}

/** Sub-options that may be padded by 0 and ended by 255, as in options 43 and 175 (RFC 2132 §8.4). */
export function encapsulatedSubOptions(bytes: Uint8Array): SubOptions {
  return subOptionsIn(bytes, optionMarks)
}

type Marks = { readonly pad: number | undefined; readonly end: number | undefined }
const noMarks: Marks = { pad: undefined, end: undefined }
const optionMarks: Marks = { pad: optionCodes.pad, end: optionCodes.end }

/** What is torn off at the end is left out: an option 43 of some vendors has no sub-options at all. */
function subOptionsIn(bytes: Uint8Array, marks: Marks): SubOptions {
  const found = new Map<number, Uint8Array>()
  let at = 0
  while (at < bytes.length) {
    const code = bytes[at++]
    if (code === undefined || code === marks.end) break
    if (code === marks.pad) continue
    const length = bytes[at++]
    if (length === undefined || at + length > bytes.length) break
    if (!found.has(code)) found.set(code, bytes.subarray(at, at + length))
    at += length
  }
  return found
}
