import { sql } from 'kysely'
import type { Kysely, RawBuilder } from 'kysely'
import type { Schema } from './schema.ts'
import type { SqlValue, Statement } from './write.ts'

/** Writes rows of one table: new keys are inserted, known keys have their other columns replaced. */
export type Upsert<Row> = (rows: readonly Row[]) => readonly Statement[]

/** Makes the statement once, so that each write only hands over its values. */
export function upsertInto<Table extends keyof Schema>(
  db: Kysely<Schema>,
  table: Table,
  columns: readonly (keyof Schema[Table] & string)[],
  key: readonly (keyof Schema[Table] & string)[],
): Upsert<Schema[Table]> {
  const rest = columns.filter((column) => !key.includes(column))
  const untyped = db as unknown as Kysely<{ some_table: Record<string, SqlValue> }>
  const query = untyped
    .insertInto(table as string as 'some_table')
    .values(Object.fromEntries(columns.map((column) => [column, ''])))
    .onConflict((conflict) =>
      conflict.columns(key).doUpdateSet(Object.fromEntries(rest.map((column) => [column, excluded(column)]))),
    )
    .compile()
  return (rows) =>
    rows.length === 0
      ? []
      : [{ sql: query.sql, rows: rows.map((row) => columns.map((c) => row[c] as SqlValue)) }]
}

/** The value that an insert brought (sqlite.org/lang_upsert.html; PostgreSQL calls it the same). */
function excluded(column: string): RawBuilder<SqlValue> {
  return sql<SqlValue>`excluded.${sql.ref(column)}`
}
