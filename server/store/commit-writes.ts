import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Write, WriteOutcome } from './write.ts'

const mostPrepared = 256

/** Puts several writes on disk with one commit. Each of them is stored whole or fails alone; a failed commit fails all. */
export class CommitWrites {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  commit(writes: readonly Write[]): readonly WriteOutcome[] {
    try {
      this.#run('begin immediate')
      const outcomes = writes.map((write) => this.#attempt(write))
      this.#run('commit')
      return outcomes
    } catch (error) {
      const rolledBack = this.#rollBack()
      return writes.map(({ id }) => failed(id, rolledBack ?? error))
    }
  }

  #attempt(write: Write): WriteOutcome {
    this.#run('savepoint one_write')
    try {
      const results = write.statements.map(({ sql, rows }) => this.#runAll(sql, rows))
      this.#run('release one_write')
      return { kind: 'stored', id: write.id, results }
    } catch (error) {
      // After a full disk or an I/O error SQLite has given up the whole transaction (sqlite.org/lang_transaction.html §3.1).
      if (!this.#database.isTransaction) throw error
      this.#run('rollback to one_write')
      this.#run('release one_write')
      return failed(write.id, error)
    }
  }

  #runAll(sql: string, rows: Write['statements'][number]['rows']): { changed: number; lastKey: number } {
    const statement = this.#prepare(sql)
    let [changed, lastKey] = [0, 0]
    for (const row of rows) {
      const result = statement.run(...row)
      changed += Number(result.changes)
      lastKey = Number(result.lastInsertRowid)
    }
    return { changed, lastKey }
  }

  #run(sql: string): void {
    this.#prepare(sql).run()
  }

  #rollBack(): unknown {
    if (!this.#database.isTransaction) return undefined
    try {
      this.#database.exec('rollback')
      return undefined
    } catch (error) {
      return error
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    if (this.#prepared.size >= mostPrepared) this.#prepared.clear()
    const made = this.#database.prepare(sql)
    this.#prepared.set(sql, made)
    return made
  }
}

function failed(id: number, error: unknown): WriteOutcome {
  const because = error instanceof Error ? error.message : String(error)
  const code =
    error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 1
  return { kind: 'failed', id, code, because }
}
