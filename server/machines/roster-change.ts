import type { ApplianceEvent } from '../events/event.ts'
import type { Attempt, Machine } from './machine.ts'

/** What became of the records. Nothing of it is in the store yet. */
export type RosterChange = {
  readonly machines: readonly Machine[]
  readonly attempts: readonly Attempt[]
  readonly happened: readonly ApplianceEvent[]
  /** Records that are gone, with their attempts; absent, none. */
  readonly forgotten?: readonly string[]
}

export const noChange: RosterChange = { machines: [], attempts: [], happened: [] }

/** One change after another; of a record that both touch, the later form counts. */
export function joined(...changes: readonly RosterChange[]): RosterChange {
  const forgotten = changes.flatMap((change) => change.forgotten ?? [])
  const change: RosterChange = {
    machines: [...new Map(changes.flatMap((c) => c.machines).map((m) => [m.id, m])).values()],
    attempts: [...new Map(changes.flatMap((c) => c.attempts).map((a) => [a.id, a])).values()],
    happened: changes.flatMap(({ happened }) => happened),
  }
  return forgotten.length === 0 ? change : { ...change, forgotten }
}
