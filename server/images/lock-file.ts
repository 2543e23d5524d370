import { setTimeout as pause } from 'node:timers/promises'
import { ImageFault } from './image-fault.ts'

/**
 * Locks a file for as long as the process lives or the lock is held, or gives `undefined` when others hold it. It is made
 * where it is missing.
 */
export type LockFile = (path: string, kind: 'shared' | 'exclusive') => Disposable | undefined

/** A sweep, the only one that locks others out, takes no longer. */
const patienceMs = 30_000
const tryEachMs = 50

/** Locks a file as soon as others let it go. */
export async function acquire(
  lock: LockFile,
  path: string,
  kind: 'shared' | 'exclusive',
): Promise<Disposable> {
  for (let waited = 0; waited < patienceMs; waited += tryEachMs) {
    const held = lock(path, kind)
    if (held !== undefined) return held
    await pause(tryEachMs)
  }
  throw new ImageFault('in-use', `the image store is locked by another process (${path})`, {
    nextStep: 'Wait until its sweep has ended, and try again.',
  })
}
