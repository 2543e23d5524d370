import { DatabaseSync } from 'node:sqlite'

/** How long a connection waits for another program, such as a backup, that holds the file. */
const busyTimeoutMs = 5_000

/** A log that one large transaction made long is cut back to this. */
const longestLogBytes = 64 * 1024 * 1024

/**
 * Opens the file for writing so that a commit is on disk when it returns: in WAL mode only `synchronous=full` flushes the
 * log at each commit (sqlite.org/pragma.html#pragma_synchronous).
 */
export function connect(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
  try {
    database.exec(`
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma journal_size_limit = ${longestLogBytes};
    `)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Opens the file for queries only. */
export function connectToRead(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly: true })
}
