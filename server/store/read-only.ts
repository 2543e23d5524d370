import { existsSync } from 'node:fs'
import { Kysely } from 'kysely'
import { connectToRead } from './connect.ts'
import type { Schema } from './schema.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { storeFaultOf } from './store-fault.ts'

/**
 * Reads from the store in this file, whether or not an appliance has it open; `undefined` where there is no file. Nothing is
 * changed by it, and no lock taken. Throws a `StoreFault` where it cannot be read.
 */
export async function readOnly<T>(
  path: string,
  read: (db: Kysely<Schema>) => Promise<T>,
): Promise<T | undefined> {
  if (!existsSync(path)) return undefined
  try {
    const db = new Kysely<Schema>({ dialect: sqliteDialect(connectToRead(path)) })
    try {
      return await read(db)
    } finally {
      await db.destroy()
    }
  } catch (error) {
    throw storeFaultOf(error, path)
  }
}
