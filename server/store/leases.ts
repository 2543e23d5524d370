import type { Kysely } from 'kysely'
import type { Lease } from '../networks/lease.ts'
import type { LeaseRow, Schema } from './schema.ts'
import { upsertInto } from './upsert.ts'
import type { Statement } from './write.ts'

/** The leases of all networks, one for each address. Offers live in memory and are passed over. */
export class LeaseRecords {
  readonly #db: Kysely<Schema>
  readonly #upsert: (rows: readonly LeaseRow[]) => readonly Statement[]

  constructor(db: Kysely<Schema>) {
    this.#db = db
    const columns = ['network', 'address', 'mac', 'state', 'since', 'ends_at', 'hostname'] as const
    this.#upsert = upsertInto(db, 'leases', columns, ['network', 'address'])
  }

  saving(leases: readonly Lease[]): readonly Statement[] {
    return this.#upsert(leases.filter(({ state }) => state !== 'offered').map(rowOf))
  }

  async all(): Promise<readonly Lease[]> {
    const rows = await this.#db.selectFrom('leases').selectAll().execute()
    return rows.map(leaseOf)
  }
}

function rowOf({ network, address, mac, state, since, endsAt, hostname }: Lease): LeaseRow {
  return { network, address, mac, state, since, ends_at: endsAt, hostname: hostname ?? null }
}

function leaseOf({ network, address, mac, state, since, ends_at: endsAt, hostname }: LeaseRow): Lease {
  return { network, address, mac, state, since, endsAt, hostname: hostname ?? undefined }
}
