import type { Kysely } from 'kysely'
import type { ApiToken } from '../access/api-token.ts'
import type { ApiTokenRow, Schema } from './schema.ts'
import { upsertInto } from './upsert.ts'
import type { SqlValue, Statement } from './write.ts'

/** The tokens of the API, without their secrets. */
export class ApiTokenRecords {
  readonly #db: Kysely<Schema>
  readonly #upsert: (rows: readonly ApiTokenRow[]) => readonly Statement[]

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#upsert = upsertInto(db, 'api_tokens', columns, ['id'])
  }

  saving(tokens: readonly ApiToken[]): readonly Statement[] {
    return this.#upsert(tokens.map(rowOf))
  }

  forgetting(ids: readonly string[]): readonly Statement[] {
    if (ids.length === 0) return []
    const { sql } = this.#db.deleteFrom('api_tokens').where('id', '=', '').compile()
    return [{ sql, rows: ids.map((id): readonly SqlValue[] => [id]) }]
  }

  async all(): Promise<readonly ApiToken[]> {
    const rows = await this.#db
      .selectFrom('api_tokens')
      .selectAll()
      .orderBy('made_at')
      .orderBy('id')
      .execute()
    return rows.map(tokenOf)
  }
}

const columns = [
  'id',
  'name',
  'role',
  'hash',
  'made_at',
  'made_by',
  'expires_at',
  'last_used_at',
  'revoked_at',
] as const

function rowOf({
  id,
  name,
  role,
  hash,
  madeAt,
  madeBy,
  expiresAt,
  lastUsedAt,
  revokedAt,
}: ApiToken): ApiTokenRow {
  return {
    id,
    name,
    role,
    hash,
    made_at: madeAt,
    made_by: madeBy,
    expires_at: expiresAt,
    last_used_at: lastUsedAt ?? null,
    revoked_at: revokedAt ?? null,
  }
}

function tokenOf(row: ApiTokenRow): ApiToken {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    hash: row.hash,
    madeAt: row.made_at,
    madeBy: row.made_by,
    expiresAt: row.expires_at,
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  }
}
