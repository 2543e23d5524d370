import type { Kysely, Selectable } from 'kysely'
import type { ApplianceEvent, EventKind, RecordedEvent } from '../events/event.ts'
import type { EventRow, Schema } from './schema.ts'
import type { SqlValue, Statement } from './write.ts'

/** An event that has happened and has no number yet. */
export type NewEvent = Omit<RecordedEvent, 'id'>

/** Which events to list; what is absent does not narrow the list. */
export type EventFilter = {
  readonly machine?: string
  readonly attempt?: string
  readonly kinds?: readonly EventKind[]
  /** Only events with a greater number. */
  readonly after?: number
  /** Only events with a smaller number. */
  readonly before?: number
  /** At most 1000, and 100 when absent. */
  readonly limit?: number
  /** Newest first when absent. */
  readonly order?: 'newest-first' | 'oldest-first'
}

const mostListed = 1000
const usuallyListed = 100

/** One deletion holds up the writes behind it, so it takes no more rows than this. */
const mostDeleted = 1000

/** Everything that was reported, numbered in the order in which it was stored. */
export class EventRecords {
  readonly #db: Kysely<Schema>
  readonly #insert: string

  constructor(db: Kysely<Schema>) {
    this.#db = db
    const row = { at: 0, machine: '', attempt: '', kind: 'appliance-stopped', body: '' } as const
    this.#insert = db.insertInto('events').values(row).compile().sql
  }

  recording(events: readonly NewEvent[]): readonly Statement[] {
    if (events.length === 0) return []
    const rows = events.map(({ at, machine, attempt, event }): readonly SqlValue[] => [
      at,
      machine ?? null,
      attempt ?? null,
      event.kind,
      JSON.stringify(event),
    ])
    return [{ sql: this.#insert, rows }]
  }

  /** Deletes the oldest 1000 of the events before a time; call it again while it deletes that many. */
  deletingBefore(time: number): Statement {
    const old = this.#db
      .selectFrom('events')
      .select('id')
      .where('at', '<', time)
      .orderBy('at')
      .limit(mostDeleted)
    const { sql, parameters } = this.#db.deleteFrom('events').where('id', 'in', old).compile()
    return { sql, rows: [parameters as readonly SqlValue[]] }
  }

  /** Deletes the oldest 1000 of the events beyond the newest so many; call it again while it deletes any. */
  deletingBeyond(newest: number): Statement {
    const old = this.#db
      .selectFrom('events')
      .select('id')
      .where('id', '<=', (builder) =>
        builder.selectFrom('events').select(({ eb, fn }) => eb(fn.max('id'), '-', newest).as('last')),
      )
      .orderBy('id')
      .limit(mostDeleted)
    const { sql, parameters } = this.#db.deleteFrom('events').where('id', 'in', old).compile()
    return { sql, rows: [parameters as readonly SqlValue[]] }
  }

  async list(filter: EventFilter = {}): Promise<readonly RecordedEvent[]> {
    const limit = Math.min(Math.max(0, filter.limit ?? usuallyListed), mostListed)
    const direction = filter.order === 'oldest-first' ? 1 : -1
    // For several kinds at once the engine would sort all that were ever recorded; each by itself is read in order.
    const kinds = filter.kinds === undefined ? [undefined] : [...new Set(filter.kinds)]
    const lists = await Promise.all(kinds.map((kind) => this.#ofKind(kind, filter, limit)))
    const rows = lists.flat().toSorted((a, b) => direction * (a.id - b.id))
    return rows.slice(0, limit).map(({ id, at, machine, attempt, body }) => ({
      id,
      at,
      ...(machine === null ? {} : { machine }),
      ...(attempt === null ? {} : { attempt }),
      event: JSON.parse(body) as ApplianceEvent,
    }))
  }

  #ofKind(
    kind: EventKind | undefined,
    filter: EventFilter,
    limit: number,
  ): Promise<readonly Selectable<EventRow>[]> {
    const order = filter.order === 'oldest-first' ? 'asc' : 'desc'
    let query = this.#db.selectFrom('events').selectAll().orderBy('id', order).limit(limit)
    if (kind !== undefined) query = query.where('kind', '=', kind)
    if (filter.machine !== undefined) query = query.where('machine', '=', filter.machine)
    if (filter.attempt !== undefined) query = query.where('attempt', '=', filter.attempt)
    if (filter.after !== undefined) query = query.where('id', '>', filter.after)
    if (filter.before !== undefined) query = query.where('id', '<', filter.before)
    return query.execute()
  }
}
