import type { Machine } from './machine.ts'
import type { Mac } from '../wire/mac.ts'
import { byteSwapped, namesOneMachine, type Uuid } from '../wire/uuid.ts'

/** What one packet or request shows of the machine that sent it. */
export type Sighting = {
  readonly mac: Mac
  readonly uuid?: Uuid | undefined
  readonly serial?: string | undefined
  readonly manufacturer?: string | undefined
  readonly product?: string | undefined
  readonly architecture?: string | undefined
  readonly firmware?: string | undefined
  readonly hostname?: string | undefined
}

export type Records = {
  byMac(mac: Mac): Machine | undefined
  /** The machine recorded with exactly this form of the UUID. */
  byUuid(uuid: Uuid): Machine | undefined
}

export type Recognition =
  | { readonly kind: 'known'; readonly machine: Machine; readonly clash?: string }
  | { readonly kind: 'new'; readonly clash?: string }

/**
 * Whose packet it is: by MAC first, else by SMBIOS UUID in either byte order, so that a swapped network card keeps
 * the record. Two records that both fit are never merged: the MAC decides, and the clash is told.
 */
export function recognise(sighting: Sighting, records: Records): Recognition {
  const owner = records.byMac(sighting.mac)
  const twin = byEitherUuid(sighting.uuid, records)
  if (owner !== undefined) {
    if (twin === undefined || twin.id === owner.id) return { kind: 'known', machine: owner }
    const clash = `${sighting.mac} belongs to ${owner.id}, but the UUID ${sighting.uuid} to ${twin.id}`
    return { kind: 'known', machine: owner, clash }
  }
  if (twin === undefined) return { kind: 'new' }
  if (differ(twin.serial, sighting.serial)) {
    const clash = `the UUID ${sighting.uuid} is that of ${twin.id}, but the serials differ: ${twin.serial}, ${sighting.serial}`
    return { kind: 'new', clash }
  }
  return { kind: 'known', machine: twin }
}

function byEitherUuid(uuid: Uuid | undefined, records: Records): Machine | undefined {
  if (uuid === undefined || !namesOneMachine(uuid)) return undefined
  return records.byUuid(uuid) ?? records.byUuid(byteSwapped(uuid))
}

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other
}
