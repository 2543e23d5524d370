import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EventLevel } from '../events/catalogue.ts'
import type { ApplianceEvent, EventKind, RecordedEvent } from '../events/event.ts'
import type { NetworkNamespace } from './network-namespace.ts'

/** `ironwake serve` in a process of its own, as a user starts it. Leaving its scope stops it. */
export type ServedAppliance = AsyncDisposable & {
  readonly pid: number
  /** Everything it has printed so far as events, the oldest first. */
  readonly happened: readonly RecordedEvent[]
  /** Resolves to the first event that fits, past or to come; rejects when the time is over or the process has ended. */
  readonly waitFor: <Kind extends EventKind>(
    kind: Kind,
    fits: (event: Extract<ApplianceEvent, { kind: Kind }>, recorded: RecordedEvent) => boolean,
    limit: { readonly withinMs: number },
  ) => Promise<RecordedEvent>
  readonly subscribe: (listener: (event: RecordedEvent) => void) => () => void
  /** Resolves when the process has ended by itself or by us, and all that it printed has been read. */
  readonly ended: Promise<number | null>
  /** Cuts it off as a power failure would. */
  readonly kill: () => Promise<void>
}

const program = fileURLToPath(new URL('../../ironwake', import.meta.url))
const startLimitMs = 60_000
const patienceMs = 30_000

/** Starts the appliance inside the namespace with these settings, and waits until it serves. */
export async function serveIn(
  box: NetworkNamespace,
  settingsFile: string,
  { level = 'debug' }: { readonly level?: EventLevel } = {},
): Promise<ServedAppliance> {
  const words = ['serve', '--settings', settingsFile, '--output', 'json', '--level', level]
  const child = box.start([program, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  const happened: RecordedEvent[] = []
  const listeners = new Set<(event: RecordedEvent) => void>()
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let isOver = false
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      isOver = true
      resolve(code)
    })
  })
  let complaint = ''
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(-4_000)))
  if (child.stdout === null || child.pid === undefined) {
    await once(child, 'spawn')
    throw new Error(`${process.execPath} could not be started`)
  }
  // What it had begun to print when it was cut off is no line.
  let begun = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (begun + text).split('\n')
    begun = lines.pop() ?? ''
    for (const line of lines) {
      const recorded = JSON.parse(line) as RecordedEvent
      happened.push(recorded)
      for (const listener of listeners) listener(recorded)
    }
  })

  const appliance: ServedAppliance = {
    pid: child.pid,
    happened,
    ended,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async waitFor(kind, fits, { withinMs }) {
      return await new Promise((resolve, reject) => {
        const end = (): void => {
          clearTimeout(timer)
          unsubscribe()
          child.off('close', stopped)
        }
        const look = (recorded: RecordedEvent): boolean => {
          if (recorded.event.kind !== kind || !fits(recorded.event as never, recorded)) return false
          end()
          resolve(recorded)
          return true
        }
        const stopped = (code: number | null): void => {
          end()
          reject(new Error(`the appliance ended with ${code} before ${kind} came: ${complaint.trim()}`))
        }
        const timer = setTimeout(() => {
          end()
          reject(
            new Error(`no ${kind} came within ${withinMs} ms; the last was ${happened.at(-1)?.event.kind}`),
          )
        }, withinMs)
        const unsubscribe = appliance.subscribe(look)
        if (happened.some((recorded) => look(recorded))) return
        if (isOver) stopped(child.exitCode)
        else child.once('close', stopped)
      })
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      await exited
      clearTimeout(late)
      // Where it had to be cut off, what it has started may hold its output for longer.
      if (child.signalCode === null) await ended
    },
  }
  try {
    await appliance.waitFor('appliance-started', () => true, { withinMs: startLimitMs })
    return appliance
  } catch (error) {
    await appliance[Symbol.asyncDispose]()
    throw error
  }
}

/** The settings file that an appliance in a test or the demo is given, beside its data. */
export function settingsFileIn(folder: string): string {
  return join(folder, 'ironwake.yaml')
}
