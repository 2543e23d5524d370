import { constants, setPriority } from 'node:os'
import { compileHotCode } from './appliance/compile-hot-code.ts'
import { syncImageStore } from './appliance/sync-image-store.ts'
import type { SyncWord } from './appliance/sync-aside.ts'
import type { Config } from './config/config.ts'
import { endOfSync, syncEvents } from './images/sync-events.ts'

// The process that fetches images. Its parent gives it the settings; it ends when that is done, or when the parent goes.

const over = new AbortController()

process.once('message', (config) => void sync(config as Config))
process.once('disconnect', () => over.abort())
// A Ctrl-C reaches every process of the terminal; the parent stops first, and then this one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

async function sync(config: Config): Promise<void> {
  // Machines that boot come first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  compileHotCode()
  const began = Date.now()
  const eventOf = syncEvents(() => Date.now())
  try {
    const outcome = await syncImageStore(config, {
      report(step) {
        const event = eventOf(step)
        if (event !== undefined) say({ kind: 'happened', event })
      },
      over: over.signal,
      environment: process.env,
      work: { stop: over.signal, progress() {} },
    })
    say({ kind: 'happened', event: endOfSync(outcome, Date.now() - began) })
    const { published, present, refused } = outcome
    const [first] = refused
    if (first === undefined) {
      say({ kind: 'ended', outcome: `${published.length} images fetched, ${present.length} here already` })
    } else {
      const others = refused.length === 1 ? '' : `, and ${refused.length - 1} more were not fetched`
      say({ kind: 'failed', because: `${first.image}: ${first.because}${others}` })
    }
  } catch (error) {
    say({ kind: 'failed', because: error instanceof Error ? error.message : String(error) })
  } finally {
    if (process.connected) process.disconnect()
  }
}

function say(word: SyncWord): void {
  // A parent that has gone a moment ago hears nothing; without the callback that would end this process as a fault.
  if (process.connected) process.send?.(word, () => {})
}
