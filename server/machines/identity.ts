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
}

export type Records = {
  byMac(mac: Mac): Machine | undefined
  /** The machine recorded with exactly this form of the UUID. */
  byUuid(uuid: Uuid): Machine | undefined
  /** Whether it runs, booted a moment ago: nobody changes its card meanwhile. */
  isRunning(machine: Machine): boolean
}

export type Recognition =
  | { readonly kind: 'known'; readonly machine: Machine; readonly clash?: string }
  /** `leaves` has the card on its record, and another board has the card. */
  | { readonly kind: 'new'; readonly clash?: string; readonly leaves?: Machine }

/**
 * Whose packet it is: by MAC first, else by SMBIOS UUID in either byte order, so that a swapped network card keeps
 * the record. Two records that both fit are never merged: the MAC decides, and the clash is told. DHCP shows no serial,
 * so a second board with the same UUID comes to the record of the first, until iPXE tells the serials apart.
 */
export function recognise(sighting: Sighting, records: Records): Recognition {
  const owner = records.byMac(sighting.mac)
  const twin = byEitherUuid(sighting.uuid, records)
  if (owner !== undefined) return recogniseOwner(owner, twin, sighting)
  if (twin === undefined) return { kind: 'new' }
  if (differ(twin.serial, sighting.serial)) return { kind: 'new', clash: sameUuid(twin, sighting) }
  if (records.isRunning(twin)) {
    const clash = `${sighting.mac} shows the UUID of ${twin.id}, which is in the middle of a boot of its own`
    return { kind: 'new', clash }
  }
  return { kind: 'known', machine: twin }
}

function recogniseOwner(owner: Machine, twin: Machine | undefined, sighting: Sighting): Recognition {
  if (twin !== undefined && twin.id !== owner.id) {
    const clash = `${sighting.mac} belongs to ${owner.id}, but the UUID ${sighting.uuid} to ${twin.id}`
    return { kind: 'known', machine: owner, clash }
  }
  if (!differ(owner.serial, sighting.serial)) return { kind: 'known', machine: owner }
  if (twin !== undefined && owner.macs.length > 1) {
    return { kind: 'new', clash: sameUuid(owner, sighting), leaves: owner }
  }
  const clash = `${sighting.mac} belongs to ${owner.id}, but the serials differ: ${owner.serial}, ${sighting.serial}`
  return { kind: 'known', machine: owner, clash }
}

function sameUuid(machine: Machine, { uuid, serial }: Sighting): string {
  return `the UUID ${uuid} is that of ${machine.id}, but the serials differ: ${machine.serial}, ${serial}`
}

/** The machine recorded with this UUID in either byte order; a UUID that its maker left unwritten is nobody's. */
export function byEitherUuid(uuid: Uuid | undefined, records: Pick<Records, 'byUuid'>): Machine | undefined {
  if (uuid === undefined || !namesOneMachine(uuid)) return undefined
  return records.byUuid(uuid) ?? records.byUuid(byteSwapped(uuid))
}

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other
}
