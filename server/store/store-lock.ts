import { setTimeout as pause } from 'node:timers/promises'
import { lockFile } from './file-lock.ts'
import { StoreFault } from './store-fault.ts'

const tryEachMs = 50

/**
 * Keeps the store to one appliance, since two that remember leases apart would give one address twice. The lock is on
 * an empty file beside the store. Who has it is waited for so many milliseconds; then it is a `StoreFault`.
 */
export async function lockStore(path: string, patienceMs: number): Promise<Disposable> {
  for (let waited = 0; ; waited += tryEachMs) {
    const lock = lockFile(lockFileOf(path), 'exclusive')
    if (lock !== undefined) return lock
    if (waited >= patienceMs) break
    await pause(tryEachMs)
  }
  const sentence = `The store ${path} is in use by another Ironwake. Stop that one, or give this one another folder.`
  throw new StoreFault('in-use', sentence)
}

export function lockFileOf(path: string): string {
  return `${path}.lock`
}
