import { DatabaseSync } from 'node:sqlite'

/** `shared`: any number at a time. `exclusive`: one alone. */
export type LockKind = 'shared' | 'exclusive'

/**
 * Locks by way of an empty file, which is made where it is missing, or gives `undefined` when others hold it. The lock is a
 * transaction of SQLite on it, which the kernel ends with the program, however it ends.
 */
export function lockFile(path: string, kind: LockKind): Disposable | undefined {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    if (kind === 'exclusive') lock.exec('begin exclusive')
    else {
      lock.exec('begin')
      // Only a read takes the shared lock (sqlite.org/lang_transaction.html).
      lock.prepare('select count(*) from sqlite_schema').get()
    }
  } catch (error) {
    lock.close()
    if (isBusy(error)) return undefined
    throw error
  }
  return { [Symbol.dispose]: () => lock.close() }
}

/** SQLITE_BUSY (sqlite.org/rescode.html); the low byte is the primary code. */
function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    (error.errcode & 0xff) === 5
  )
}
