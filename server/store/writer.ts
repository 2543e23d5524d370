import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { StoreFault, faultOfCode } from './store-fault.ts'
import type { FromWriter, Statement, ToWriter, WriteOutcome } from './write.ts'

/** Writes that wait beyond this are refused at once: the disk is hopelessly behind, and waiting would only cost memory. */
const mostWaiting = 10_000

type Results = Extract<WriteOutcome, { kind: 'stored' }>['results']

type Waiting = {
  readonly resolve: (results: Results) => void
  readonly reject: (fault: StoreFault) => void
}

type StartThread = (path: string) => Worker

/** A thread that has failed is started again after this long; until then writes are refused. */
const restartAfterMs = 1_000

/** Hands writes to the thread that holds the writing connection; each promise settles after the commit it was part of. */
export class Writer implements AsyncDisposable {
  readonly #path: string
  readonly #startThread: StartThread
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker
  #ended: Promise<unknown>
  #nextId = 1
  /** Why nothing is taken at the moment. */
  #refusing: StoreFault | undefined
  #isClosed = false
  #restarting: NodeJS.Timeout | undefined

  private constructor(path: string, start: StartThread, worker: Worker) {
    this.#path = path
    this.#startThread = start
    this.#worker = worker
    this.#ended = this.#listenTo(worker)
  }

  static async start(path: string, startThread: StartThread = startWriterThread): Promise<Writer> {
    const worker = startThread(path)
    await once(worker, 'message')
    return new Writer(path, startThread, worker)
  }

  /** Runs the statements in one transaction; rejects with a `StoreFault` when nothing of it was kept. */
  write(statements: readonly Statement[]): Promise<Results> {
    return new Promise((resolve, reject) => {
      if (this.#refusing !== undefined) return reject(this.#refusing)
      if (this.#waiting.size >= mostWaiting) {
        const sentence = `The disk of the store ${this.#path} is too slow: ${mostWaiting} writes are waiting for it.`
        return reject(new StoreFault('overloaded', sentence))
      }
      const id = this.#nextId++
      this.#waiting.set(id, { resolve, reject })
      this.#post({ kind: 'write', write: { id, statements } })
    })
  }

  /** Everything handed over before is written first. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#restarting)
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#refusing ??= new StoreFault('closed', `The store ${this.#path} is closed.`)
      this.#post({ kind: 'close' })
    }
    await this.#ended
  }

  /** Resolves when the thread has ended, in whatever way. */
  #listenTo(worker: Worker): Promise<unknown> {
    let because = 'its thread has ended'
    worker.on('message', (message: FromWriter) => {
      switch (message.kind) {
        case 'ready':
          if (!this.#isClosed) this.#refusing = undefined
          return
        case 'settled':
          for (const outcome of message.outcomes) this.#settle(outcome)
      }
    })
    worker.on('error', (error) => (because = String(error)))
    return new Promise<void>((resolve) => {
      worker.once('exit', () => {
        this.#refuseAll(
          this.#isClosed
            ? new StoreFault('closed', `The store ${this.#path} is closed.`)
            : new StoreFault(
                'failed',
                `The store ${this.#path} has failed (${because}) and is opened again.`,
              ),
        )
        if (!this.#isClosed) this.#restarting = setTimeout(() => this.#restart(), restartAfterMs)
        resolve()
      })
    })
  }

  /**
   * What was committed is in the file and its log; the new thread goes on from there. A write whose answer was lost may be
   * among it: every record is written under its key, so that it is written again does no harm.
   */
  #restart(): void {
    this.#worker = this.#startThread(this.#path)
    this.#ended = this.#listenTo(this.#worker)
  }

  #post(message: ToWriter): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(message)
  }

  #settle(outcome: WriteOutcome): void {
    const waiting = this.#waiting.get(outcome.id)
    this.#waiting.delete(outcome.id)
    switch (outcome.kind) {
      case 'stored':
        return waiting?.resolve(outcome.results)
      case 'failed':
        return waiting?.reject(faultOfCode(outcome.code, outcome.because, this.#path))
    }
  }

  #refuseAll(fault: StoreFault): void {
    this.#refusing = fault
    for (const { reject } of this.#waiting.values()) reject(fault)
    this.#waiting.clear()
  }
}

/** Starts the thread that writes to the store in this file. */
export function startWriterThread(path: string): Worker {
  const name = import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './writer-thread.js'
  return new Worker(new URL(name, import.meta.url), {
    name: 'store',
    workerData: path,
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  })
}
