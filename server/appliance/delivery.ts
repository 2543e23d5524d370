import { fork, type ChildProcess } from 'node:child_process'
import type { ApplianceEvent } from '../events/event.ts'
import type { Delivery } from '../http/delivery-app.ts'
import type { UnderWay } from '../http/under-way.ts'

/** An address of the box at which images are fetched, and what they may take of its link. */
export type DeliveryPlace = {
  readonly network: string
  readonly address: string
  readonly bitsPerSecond?: number
}

/** What the delivery process is told when it starts. */
export type DeliveryOrder = {
  readonly places: readonly DeliveryPlace[]
  readonly port: number
  /** Big files that go out at the same time. */
  readonly streams: number
  readonly images: readonly { readonly name: string; readonly folder: string }[]
  /** Where the image store lies. */
  readonly dataFolder: string
}

/** What it tells. */
export type DeliveryWord =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly because: string }
  | { readonly kind: 'delivered'; readonly delivery: Delivery }
  | { readonly kind: 'under-way'; readonly underWay: UnderWay }
  | { readonly kind: 'happened'; readonly event: ApplianceEvent }

/** Who is told what the process does. */
export type DeliveryNews = {
  readonly delivered: (delivery: Delivery) => void
  readonly underWay: (underWay: UnderWay) => void
  readonly happened: (event: ApplianceEvent) => void
  readonly trouble: (because: string) => void
  /** Told when it serves again. */
  readonly ready: () => void
}

/** A busy small board takes ten seconds and more. */
const startLimitMs = 60_000
/** A process that ends by itself is started again, each time later. */
const restartPausesMs = [100, 1_000, 5_000, 30_000]
/** One that has served for so long is counted as well. */
const wellAfterMs = 10 * 60_000

/**
 * Serves images from a process of its own: beside a busy download in the same process a small TFTP fetch took 140 ms
 * instead of 2 (measured). Resolves when it listens, rejects with a sentence when it cannot.
 */
export async function startDelivery(order: DeliveryOrder, heard: DeliveryNews): Promise<AsyncDisposable> {
  let stopping = false
  let restarts = 0
  let startedAt = performance.now()
  let child = await launch(order, heard)
  let starting: Promise<void> | undefined
  watch()
  return {
    async [Symbol.asyncDispose]() {
      stopping = true
      // One that is just started again would outlive the box.
      await starting
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      if (child.exitCode !== null || child.signalCode !== null) return
      if (child.connected) child.disconnect()
      await ended
    },
  }

  function watch(): void {
    child.once('exit', (code, signal) => {
      if (!stopping) startAgain(`the process that delivers images ended (${signal ?? code})`)
    })
  }

  function startAgain(because: string): void {
    if (performance.now() - startedAt > wellAfterMs) restarts = 0
    const pause = restartPausesMs[Math.min(restarts++, restartPausesMs.length - 1)] ?? 0
    heard.trouble(`${because}; it is started again in ${pause} ms`)
    setTimeout(() => {
      starting = again()
    }, pause).unref()
  }

  async function again(): Promise<void> {
    if (stopping) return
    try {
      startedAt = performance.now()
      child = await launch(order, heard)
      watch()
      if (!stopping) heard.ready()
    } catch (error) {
      if (!stopping) startAgain(error instanceof Error ? error.message : String(error))
    }
  }
}

async function launch(order: DeliveryOrder, heard: DeliveryNews): Promise<ChildProcess> {
  const name = import.meta.url.endsWith('.ts') ? '../deliver.ts' : '../deliver.js'
  // What is alive there is some 12 MB; the rest of the words are those with which this process was started.
  const execArgv = [...process.execArgv, '--initial-old-space-size=16']
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  const child = fork(new URL(name, import.meta.url), { execArgv, stdio: [...stdio] })
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill()
      reject(new Error(`the process that delivers images did not start within ${startLimitMs / 1000} s`))
    }, startLimitMs)
    child.once('exit', () => {
      clearTimeout(late)
      reject(new Error('the process that delivers images ended at its start'))
    })
    child.once('error', reject)
    child.on('message', (word: DeliveryWord) => {
      switch (word.kind) {
        case 'ready':
          clearTimeout(late)
          resolve()
          return
        case 'failed':
          clearTimeout(late)
          reject(new Error(word.because))
          return
        case 'delivered':
          heard.delivered(word.delivery)
          return
        case 'under-way':
          heard.underWay(word.underWay)
          return
        case 'happened':
          heard.happened(word.event)
      }
    })
    child.send(order)
  })
  return child
}
