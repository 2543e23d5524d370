import type { Kysely } from 'kysely'
import type { Enrolment } from '../machines/enrolment.ts'
import type { EnrolmentRow, Schema } from './schema.ts'
import { upsertInto } from './upsert.ts'
import type { Statement } from './write.ts'

/** The keys and credentials of machines: one record for each, so that no number of enrolments makes them more. */
export class EnrolmentRecords {
  readonly #db: Kysely<Schema>
  readonly #upsert: (rows: readonly EnrolmentRow[]) => readonly Statement[]

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#upsert = upsertInto(db, 'enrolments', ['machine', 'body'], ['machine'])
  }

  saving(enrolments: readonly Enrolment[]): readonly Statement[] {
    return this.#upsert(enrolments.map(({ machine, ...rest }) => ({ machine, body: JSON.stringify(rest) })))
  }

  async all(): Promise<readonly Enrolment[]> {
    const rows = await this.#db.selectFrom('enrolments').selectAll().orderBy('machine').execute()
    return rows.map(({ machine, body }) => ({
      machine,
      ...(JSON.parse(body) as Omit<Enrolment, 'machine'>),
    }))
  }
}
