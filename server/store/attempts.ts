import type { Kysely } from 'kysely'
import type { Attempt } from '../machines/machine.ts'
import type { Mac } from '../wire/mac.ts'
import type { AttemptRow, Schema } from './schema.ts'
import { upsertInto } from './upsert.ts'
import type { SqlValue, Statement } from './write.ts'

const mostListed = 1000
/** One deletion holds up the writes behind it, so it takes no more rows than this. */
const mostDeleted = 1000

/** Attempts kept of each machine, the newest: one that boots from the network every minute must not fill the disk. */
export const attemptsKept = 64

/** The tries of machines to boot. */
export class AttemptRecords {
  readonly #db: Kysely<Schema>
  readonly #upsert: (rows: readonly AttemptRow[]) => readonly Statement[]
  readonly #forgetOld: string

  constructor(db: Kysely<Schema>) {
    this.#db = db
    const columns = [
      'id',
      'machine',
      'mac',
      'started_at',
      'last_seen_at',
      'stage',
      'ended_at',
      'result',
    ] as const
    this.#upsert = upsertInto(db, 'attempts', columns, ['id'])
    const old = db
      .selectFrom('attempts')
      .select('id')
      .where('machine', '=', '')
      .orderBy('started_at', 'desc')
      .limit(mostDeleted)
      .offset(attemptsKept)
    this.#forgetOld = db.deleteFrom('attempts').where('id', 'in', old).compile().sql
  }

  saving(attempts: readonly Attempt[]): readonly Statement[] {
    if (attempts.length === 0) return []
    const machines = new Set(attempts.map(({ machine }) => machine))
    const rows = [...machines].map((machine): readonly SqlValue[] => [machine, mostDeleted, attemptsKept])
    return [...this.#upsert(attempts.map(rowOf)), { sql: this.#forgetOld, rows }]
  }

  async byId(id: string): Promise<Attempt | undefined> {
    const row = await this.#db.selectFrom('attempts').selectAll().where('id', '=', id).executeTakeFirst()
    return row === undefined ? undefined : attemptOf(row)
  }

  /** The attempts of a machine, the newest first, at most 1000. */
  async ofMachine(machine: string, limit = mostListed): Promise<readonly Attempt[]> {
    const rows = await this.#db
      .selectFrom('attempts')
      .selectAll()
      .where('machine', '=', machine)
      .orderBy('started_at', 'desc')
      .orderBy('id')
      .limit(Math.min(limit, mostListed))
      .execute()
    return rows.map(attemptOf)
  }

  /** Deletes 1000 attempts last seen before a time, though never the latest of a machine; call it again while it deletes any. */
  deletingBefore(time: number): Statement {
    const old = this.#db
      .selectFrom('attempts as a')
      .select('a.id')
      .where('a.last_seen_at', '<', time)
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('attempts as later')
            .select('later.id')
            .whereRef('later.machine', '=', 'a.machine')
            .whereRef('later.started_at', '>', 'a.started_at'),
        ),
      )
      .limit(mostDeleted)
    const { sql, parameters } = this.#db.deleteFrom('attempts').where('id', 'in', old).compile()
    return { sql, rows: [parameters as readonly SqlValue[]] }
  }

  /** The latest attempt of each machine that has had one. */
  async latest(): Promise<readonly Attempt[]> {
    const rows = await this.#db
      .selectFrom('attempts as a')
      .leftJoin('attempts as later', (join) =>
        join.onRef('later.machine', '=', 'a.machine').on((eb) =>
          eb.or([
            eb('later.started_at', '>', eb.ref('a.started_at')),
            // Of two that started in the same millisecond, one must be the latest.
            eb('later.started_at', '=', eb.ref('a.started_at')).and('later.id', '>', eb.ref('a.id')),
          ]),
        ),
      )
      .where('later.id', 'is', null)
      .selectAll('a')
      .execute()
    return rows.map(attemptOf)
  }
}

function rowOf(attempt: Attempt): AttemptRow {
  return {
    id: attempt.id,
    machine: attempt.machine,
    mac: attempt.mac,
    started_at: attempt.startedAt,
    last_seen_at: attempt.lastSeenAt,
    stage: attempt.stage,
    ended_at: attempt.endedAt ?? null,
    result: attempt.result ?? null,
  }
}

function attemptOf(row: AttemptRow): Attempt {
  return {
    id: row.id,
    machine: row.machine,
    mac: row.mac as Mac,
    startedAt: row.started_at,
    lastSeenAt: row.last_seen_at,
    stage: row.stage,
    endedAt: row.ended_at ?? undefined,
    result: row.result ?? undefined,
  }
}
