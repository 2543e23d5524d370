import { fork } from 'node:child_process'
import type { Config } from '../config/config.ts'
import type { ApplianceEvent } from '../events/event.ts'

/** What the process that fetches images tells. */
export type SyncWord =
  | { readonly kind: 'happened'; readonly event: ApplianceEvent }
  | { readonly kind: 'ended'; readonly outcome: string }
  | { readonly kind: 'failed'; readonly because: string }

/** What came so far is on the disk by then. */
const endLimitMs = 10_000

/**
 * Fetches the images of the settings in a process of its own: hashing and packing take whole processors for minutes, and
 * DHCP waits for nobody. Resolves to what came of it, in words.
 */
export async function syncAside(
  config: Config,
  tell: (event: ApplianceEvent) => void,
  stop: AbortSignal,
): Promise<string> {
  const name = import.meta.url.endsWith('.ts') ? '../sync.ts' : '../sync.js'
  const child = fork(new URL(name, import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // The settings have sets and maps.
    serialization: 'advanced',
  })
  // It ends when nobody listens any more, and keeps what came for the next time.
  const hangUp = (): void => {
    child.disconnect()
    setTimeout(() => child.kill('SIGKILL'), endLimitMs).unref()
  }
  if (stop.aborted) hangUp()
  else stop.addEventListener('abort', hangUp, { once: true })
  try {
    return await new Promise<string>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        reject(new Error(`the process that fetches images ended (${signal ?? code})`))
      })
      child.on('message', (word: SyncWord) => {
        switch (word.kind) {
          case 'happened':
            tell(word.event)
            return
          case 'ended':
            resolve(word.outcome)
            return
          case 'failed':
            reject(new Error(word.because))
        }
      })
      child.send(config)
    })
  } finally {
    stop.removeEventListener('abort', hangUp)
    if (child.connected) child.disconnect()
  }
}
