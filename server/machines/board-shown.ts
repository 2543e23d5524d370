import type { Mac } from '../wire/mac.ts'
import { byteSwapped, namesOneMachine, type Uuid } from '../wire/uuid.ts'

/** What a boot of a machine from the network has shown of its board. */
export type BoardShown = {
  /** The card that it asked by. */
  readonly mac: Mac
  /** The network that it asked on; absent, that is not known. */
  readonly network?: string
  /** Never one that the board's maker left unwritten. */
  readonly uuid?: Uuid
  readonly serial?: string
  /** Another record that has the UUID too. */
  readonly alsoOf?: string
}

/** What one packet or request tells of the board of its sender. */
export type BoardTold = {
  readonly mac: Mac
  readonly uuid?: Uuid | undefined
  readonly serial?: string | undefined
}

/** The board as its record has it. */
export type BoardOnRecord = { readonly uuid: Uuid | undefined; readonly serial: string | undefined }

/**
 * What a boot has shown after one more packet or request of it. Firmware and iPXE may tell a UUID each: that of the record counts
 * where either of them shows it.
 */
export function shownAfter(
  before: BoardShown | undefined,
  { mac, uuid, serial }: BoardTold,
  record: BoardOnRecord,
  { network, alsoOf }: { readonly network?: string | undefined; readonly alsoOf?: string | undefined },
): BoardShown {
  // What one card has shown says nothing of another.
  const known = before?.mac === mac ? before : undefined
  const told = uuid !== undefined && namesOneMachine(uuid) ? uuid : undefined
  const hasRight = known?.uuid !== undefined && isSameUuid(known.uuid, record.uuid)
  const shownUuid = hasRight ? known.uuid : (told ?? known?.uuid)
  const hasSerial = known?.serial !== undefined && known.serial === record.serial
  const shownSerial = hasSerial ? known.serial : (serial ?? known?.serial)
  const where = network ?? known?.network
  const other = alsoOf ?? known?.alsoOf
  return {
    mac,
    ...(where === undefined ? {} : { network: where }),
    ...(shownUuid === undefined ? {} : { uuid: shownUuid }),
    ...(shownSerial === undefined ? {} : { serial: shownSerial }),
    ...(other === undefined ? {} : { alsoOf: other }),
  }
}

/** In either byte order: one machine shows both. */
export function isSameUuid(one: Uuid, other: Uuid | undefined): boolean {
  return other !== undefined && (one === other || byteSwapped(one) === other)
}
