import type { Sighting } from '../../server/machines/identity.ts'
import type { AttemptStage } from '../../server/machines/machine.ts'
import type { Chance } from '../../server/machines/chance.ts'
import type { RosterChange } from '../../server/machines/roster-change.ts'
import type { Roster } from '../../server/machines/roster.ts'
import { parseUuid, type Uuid } from '../../server/wire/uuid.ts'
import { macNumber } from '../networks/a-network.ts'

export const second = 1_000
export const minute = 60 * second

/** A UUID of its own for each number. */
export function uuidNumber(number: number): Uuid {
  return uuid(`4c4c4544-004d-3510-804a-${number.toString(16).padStart(12, '0')}`)
}

export function uuid(text: string): Uuid {
  const parsed = parseUuid(text)
  if (parsed === undefined) throw new Error(`${text} is no UUID`)
  return parsed
}

/** Bytes that never repeat, and are the same in every run. */
export function countingChance(): Chance {
  let count = 0
  return (wanted) => {
    count++
    // The lowest five bits of each byte become a character of an identifier.
    return Uint8Array.from({ length: wanted }, (_, index) => (count >>> (5 * index)) & 31)
  }
}

/** Lets the roster see machine number `number`, `at` milliseconds after the start. */
export function seeing(
  roster: Roster,
  chance: Chance,
): (number: number, stage: AttemptStage, at: number, more?: Partial<Sighting>) => RosterChange {
  return (number, stage, at, more = {}) =>
    roster.see(
      { stage, because: `${stage} was seen`, sighting: { mac: macNumber(number), ...more } },
      at,
      chance,
    )
}

/** Kinds of what happened, in order. */
export function kindsOf(change: RosterChange): readonly string[] {
  return change.happened.map((event) => event.kind)
}
