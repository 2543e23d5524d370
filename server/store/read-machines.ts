import { existsSync } from 'node:fs'
import { Kysely } from 'kysely'
import type { Machine } from '../machines/machine.ts'
import { connectToRead } from './connect.ts'
import { MachineRecords } from './machines.ts'
import type { Schema } from './schema.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { storeFaultOf } from './store-fault.ts'

/**
 * The machines of the store in this file, whether or not an appliance has it open; none where there is no file. Nothing is
 * changed by it, and no lock taken. Throws a `StoreFault` where they cannot be read.
 */
export async function readMachines(path: string): Promise<readonly Machine[]> {
  if (!existsSync(path)) return []
  try {
    const db = new Kysely<Schema>({ dialect: sqliteDialect(connectToRead(path)) })
    try {
      return await new MachineRecords(db).all()
    } finally {
      await db.destroy()
    }
  } catch (error) {
    throw storeFaultOf(error, path)
  }
}
