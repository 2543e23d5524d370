import type { Kysely } from 'kysely'
import type { AuditHead, AuditRow } from '../access/audit-chain.ts'
import type { Schema } from './schema.ts'
import type { Statement } from './write.ts'

/** The audit log: rows are added, and the database refuses to change or delete one. */
export class AuditRecords {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  appending({ seq, row, hash }: AuditRow): Statement {
    const { sql } = this.#db.insertInto('audit').values({ seq, row, hash }).compile()
    return { sql, rows: [[seq, row, hash]] }
  }

  /** Rows after one, oldest first. */
  async after(seq: number, limit: number): Promise<readonly AuditRow[]> {
    return await this.#db
      .selectFrom('audit')
      .selectAll()
      .where('seq', '>', seq)
      .orderBy('seq')
      .limit(limit)
      .execute()
  }

  /** The newest rows, oldest first. */
  async newest(limit: number): Promise<readonly AuditRow[]> {
    const rows = await this.#db.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(limit).execute()
    return rows.toReversed()
  }

  async head(): Promise<AuditHead | undefined> {
    const [head] = await this.newest(1)
    return head
  }
}
