import type { Kysely } from 'kysely'
import type { Cluster, ClusterRecord } from '../clusters/cluster.ts'
import type { ClusterRow, Schema } from './schema.ts'
import { upsertInto } from './upsert.ts'
import type { SqlValue, Statement } from './write.ts'

/** The clusters, with their secrets as a key ring sealed them. */
export class ClusterRecords {
  readonly #db: Kysely<Schema>
  readonly #upsert: (rows: readonly ClusterRow[]) => readonly Statement[]

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#upsert = upsertInto(db, 'clusters', ['name', 'body', 'sealed'], ['name'])
  }

  saving(records: readonly ClusterRecord[]): readonly Statement[] {
    return this.#upsert(
      records.map(({ cluster, sealed }) => ({
        name: cluster.name,
        body: JSON.stringify(cluster),
        sealed: JSON.stringify(sealed),
      })),
    )
  }

  deleting(name: string): Statement {
    const { sql, parameters } = this.#db.deleteFrom('clusters').where('name', '=', name).compile()
    return { sql, rows: [parameters as readonly SqlValue[]] }
  }

  async all(): Promise<readonly ClusterRecord[]> {
    const rows = await this.#db.selectFrom('clusters').selectAll().orderBy('name').execute()
    return rows.map(({ body, sealed }) => ({
      cluster: JSON.parse(body) as Cluster,
      sealed: JSON.parse(sealed) as ClusterRecord['sealed'],
    }))
  }
}
