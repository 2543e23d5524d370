import { longestPart, overloads } from './layout.ts'
import type { DhcpOptions } from './message.ts'
import { optionCodes } from './option-codes.ts'
import { sizeOfOption, valueRoom, writeOptions } from './write-options.ts'

/** Bytes that each field has for options and the end after them; 0 for a field that holds a name. */
export type Rooms = { readonly options: number; readonly file: number; readonly sname: number }

export type Arranged = {
  readonly options: Uint8Array
  /** Absent when the field is not needed for options. */
  readonly file: Uint8Array | undefined
  readonly sname: Uint8Array | undefined
  readonly dropped: readonly number[]
}

/**
 * Writes options into the fields they fit in. They stand in the order of the map, but for 53, which is first, and 82,
 * which is last in the field of options proper: old clients and relays look for them there.
 */
export function arrange(options: DhcpOptions, rooms: Rooms): Arranged {
  let size = endSize
  for (const [code, value] of options) {
    if (!isWritable(code)) return arrangeWritable(options, rooms)
    size += sizeOfOption(value.length)
  }
  if (size > rooms.options) return squeeze(options, rooms)
  return { options: writeOptions(options, size), file: undefined, sname: undefined, dropped: [] }
}

/**
 * What a client can least do without, first. 82 is early because a relay cannot pass on a reply without it
 * (RFC 3046). Options that are not here follow in the order of the message.
 */
const importance: readonly number[] = [
  optionCodes.messageType,
  optionCodes.relayAgent,
  optionCodes.serverIdentifier,
  optionCodes.leaseTime,
  optionCodes.subnetMask,
  optionCodes.vendorClass,
  optionCodes.bootFile,
  optionCodes.vendorEncapsulated,
  optionCodes.router,
  optionCodes.dnsServers,
  optionCodes.machineIdentifier,
  optionCodes.clientIdentifier,
  optionCodes.subnetSelection,
  optionCodes.tftpServerName,
  optionCodes.ipxe,
  optionCodes.renewalTime,
  optionCodes.rebindingTime,
  optionCodes.hostname,
  optionCodes.domain,
]

const endSize = 1

/** Options 0 and 255 are marks without a value; 52 tells of a packet's layout, never of its sender. */
function isWritable(code: number): boolean {
  return (
    code > optionCodes.pad &&
    code < optionCodes.end &&
    code !== optionCodes.overload &&
    Number.isInteger(code)
  )
}

/** The rest of the options, when some have codes that cannot be written. */
function arrangeWritable(options: DhcpOptions, rooms: Rooms): Arranged {
  const arranged = arrange(new Map([...options].filter(([code]) => isWritable(code))), rooms)
  const refused = [...options.keys()].filter((code) => !isWritable(code) && code !== optionCodes.overload)
  return { ...arranged, dropped: [...refused, ...arranged.dropped] }
}

/** A field being filled: what stands in it, and the bytes left beside that and its end. */
type Field = { left: number; readonly options: Map<number, Uint8Array> }

/** Fills the fields in the order of importance; what finds no room is dropped. */
function squeeze(options: DhcpOptions, rooms: Rooms): Arranged {
  const overloadable = rooms.file > 0 || rooms.sname > 0
  const main = emptyField(rooms.options - (overloadable ? sizeOfOption(1) : 0))
  const file = emptyField(rooms.file)
  const sname = emptyField(rooms.sname)
  const dropped: number[] = []

  for (const [code, value] of byImportance(options)) {
    // The order of the fields is the order in which the parts of a long option are joined (RFC 3396).
    const fields = inMainOnly.has(code) ? [main] : [main, file, sname]
    if (!place(code, value, fields)) dropped.push(code)
  }

  const overload =
    (file.options.size > 0 ? overloads.file : overloads.none) |
    (sname.options.size > 0 ? overloads.sname : overloads.none)
  if (overload !== overloads.none) main.options.set(optionCodes.overload, Uint8Array.of(overload))
  return {
    options: written(main),
    file: file.options.size > 0 ? written(file) : undefined,
    sname: sname.options.size > 0 ? written(sname) : undefined,
    dropped,
  }
}

/** Relays and clients look for these before they know of an overload. */
const inMainOnly: ReadonlySet<number> = new Set([
  optionCodes.messageType,
  optionCodes.serverIdentifier,
  optionCodes.relayAgent,
])

function byImportance(options: DhcpOptions): [number, Uint8Array][] {
  const rank = (code: number) => {
    const place = importance.indexOf(code)
    return place === -1 ? importance.length : place
  }
  return [...options].sort(([a], [b]) => rank(a) - rank(b))
}

function emptyField(room: number): Field {
  // A field that holds a name has no room, not even for an end.
  return { left: Math.max(0, room - endSize), options: new Map() }
}

/**
 * Puts an option into the first field that takes it whole. Only one longer than a length byte can say is divided over
 * fields: its reader has to join parts anyway, where readers of short options often take the first part for all.
 */
function place(code: number, value: Uint8Array, fields: readonly Field[]): boolean {
  const size = sizeOfOption(value.length)
  const field = fields.find(({ left }) => left >= size)
  if (field !== undefined) {
    field.options.set(code, value)
    field.left -= size
    return true
  }
  if (value.length <= longestPart) return false
  if (fields.reduce((room, { left }) => room + valueRoom(left), 0) < value.length) return false
  divide(code, value, fields)
  return true
}

function divide(code: number, value: Uint8Array, fields: readonly Field[]): void {
  let rest = value
  for (const field of fields) {
    const taken = rest.subarray(0, valueRoom(field.left))
    if (taken.length === 0) continue
    field.options.set(code, taken)
    field.left -= sizeOfOption(taken.length)
    rest = rest.subarray(taken.length)
  }
}

function written(field: Field): Uint8Array {
  let size = endSize
  for (const value of field.options.values()) size += sizeOfOption(value.length)
  return writeOptions(field.options, size)
}
