import { lockFile } from './file-lock.ts'
import { StoreFault } from './store-fault.ts'

/**
 * Keeps the store to one appliance, since two that remember leases apart would give one address twice. The lock is on
 * an empty file beside the store.
 */
export function lockStore(path: string): Disposable {
  const lock = lockFile(lockFileOf(path), 'exclusive')
  if (lock !== undefined) return lock
  const sentence = `The store ${path} is in use by another Ironwake. Stop that one, or give this one another folder.`
  throw new StoreFault('in-use', sentence)
}

export function lockFileOf(path: string): string {
  return `${path}.lock`
}
