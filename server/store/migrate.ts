import type { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { migrations, sqliteWords } from './migrations.ts'
import type { Schema } from './schema.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { StoreFault } from './store-fault.ts'

/** Marks the file as a store of this program (sqlite.org/pragma.html#pragma_application_id): `IRON` in ASCII. */
const applicationId = 0x4952_4f4e

/** Brings the file to the version of this program; a new file gets all its tables. The connection is closed after. */
export async function migrate(database: DatabaseSync, path: string): Promise<void> {
  refuseStrangers(database, path)
  await using db = new Kysely<Schema>({ dialect: sqliteDialect(database) })
  await db.transaction().execute(async (transaction) => {
    await transaction.schema
      .createTable('meta')
      .ifNotExists()
      .addColumn('key', 'text', (c) => c.primaryKey().notNull())
      .addColumn('value', 'text', (c) => c.notNull())
      .execute()
    const row = await transaction
      .selectFrom('meta')
      .select('value')
      .where('key', '=', 'schema')
      .executeTakeFirst()
    const version = Number(row?.value ?? 0)
    if (!Number.isInteger(version) || version > migrations.length) throw newer(path, version)
    if (version === migrations.length) return
    for (const migration of migrations.slice(version)) {
      await migration(transaction as unknown as Kysely<unknown>, sqliteWords)
    }
    const value = String(migrations.length)
    await transaction
      .insertInto('meta')
      .values({ key: 'schema', value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute()
  })
  database.exec(`pragma application_id = ${applicationId}`)
}

function refuseStrangers(database: DatabaseSync, path: string): void {
  const id = database.prepare('pragma application_id').get()?.['application_id']
  const tables = database.prepare('select count(*) as count from sqlite_schema').get()?.['count']
  if (id === applicationId || (id === 0 && tables === 0)) return
  const sentence = `${path} is a database of another program. Give Ironwake a folder of its own.`
  throw new StoreFault('not-a-store', sentence)
}

function newer(path: string, version: number): StoreFault {
  const sentence =
    `The store ${path} was written by a newer Ironwake (its schema is ${version}, this program knows ` +
    `${migrations.length}). Start that version again, or put back a backup made before the upgrade.`
  return new StoreFault('newer-than-program', sentence)
}
