import type { Kysely } from 'kysely'
import type { ServedScript } from '../machines/served-script.ts'
import type { Schema, ServedScriptRow } from './schema.ts'
import { upsertInto } from './upsert.ts'
import type { Statement } from './write.ts'

/** What each machine was last given to boot by: one of each, so that no number of boots makes them more. */
export class ServedScriptRecords {
  readonly #db: Kysely<Schema>
  readonly #upsert: (rows: readonly ServedScriptRow[]) => readonly Statement[]

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#upsert = upsertInto(db, 'served_scripts', ['machine', 'body'], ['machine'])
  }

  saving(served: readonly ServedScript[]): readonly Statement[] {
    return this.#upsert(served.map(({ machine, ...rest }) => ({ machine, body: JSON.stringify(rest) })))
  }

  async ofMachine(machine: string): Promise<ServedScript | undefined> {
    const row = await this.#db
      .selectFrom('served_scripts')
      .selectAll()
      .where('machine', '=', machine)
      .executeTakeFirst()
    if (row === undefined) return undefined
    return { machine, ...(JSON.parse(row.body) as Omit<ServedScript, 'machine'>) }
  }
}
