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

/** Hands writes to the thread that holds the writing connection; each promise settles after the commit it was part of. */
export class Writer implements AsyncDisposable {
  readonly #path: string
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<unknown>
  #nextId = 1
  #closed: StoreFault | undefined

  private constructor(path: string, worker: Worker) {
    this.#path = path
    this.#worker = worker
    this.#ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.on('message', (message: FromWriter) => {
      if (message.kind === 'settled') for (const outcome of message.outcomes) this.#settle(outcome)
    })
    worker.on('error', (error) => this.#giveUp(`The store ${path} has failed: ${String(error)}.`, error))
    worker.on('exit', () => this.#giveUp(`The store ${path} is closed.`))
  }

  static async start(path: string): Promise<Writer> {
    const name = import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './writer-thread.js'
    const worker = new Worker(new URL(name, import.meta.url), {
      name: 'store',
      workerData: path,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    await once(worker, 'message')
    return new Writer(path, worker)
  }

  /** Runs the statements in one transaction; rejects with a `StoreFault` when nothing of it was kept. */
  write(statements: readonly Statement[]): Promise<Results> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed)
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
    if (this.#closed === undefined) {
      this.#closed = new StoreFault('closed', `The store ${this.#path} is closed.`)
      this.#post({ kind: 'close' })
    }
    await this.#ended
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

  #giveUp(sentence: string, cause?: unknown): void {
    this.#closed ??= new StoreFault('closed', sentence, cause)
    for (const { reject } of this.#waiting.values()) reject(this.#closed)
    this.#waiting.clear()
  }
}
