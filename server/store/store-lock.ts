import { DatabaseSync } from 'node:sqlite'
import { StoreFault } from './store-fault.ts'

/**
 * Keeps the store to one appliance, since two that remember leases apart would give one address twice. The lock is an
 * exclusive transaction on an empty file beside the store, which the kernel ends with the program, however it ends.
 */
export function lockStore(path: string): Disposable {
  const lock = new DatabaseSync(lockFileOf(path), { timeout: 0 })
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    const sentence = `The store ${path} is in use by another Ironwake. Stop that one, or give this one another folder.`
    throw new StoreFault('in-use', sentence, error)
  }
  return { [Symbol.dispose]: () => lock.close() }
}

export function lockFileOf(path: string): string {
  return `${path}.lock`
}
