import { createTask, type ScheduledTask } from 'node-cron'
import type { JobMemory, JobRecord } from './job-memory.ts'

/** Work that comes round by the clock. Each may run twice without harm, and says in words what it did. */
export type Job = {
  readonly name: string
  /** Five or six fields as cron has them, the first of six being seconds; in the time zone of the box. */
  readonly when: string
  /** What becomes of a run whose time came while the program did not run: it is made up at the start, or left out. */
  readonly missed: 'made-up' | 'left-out'
  readonly work: (stop: AbortSignal) => Promise<string | undefined>
}

/** How a job stands. */
export type JobStatus = {
  readonly name: string
  readonly when: string
  readonly running: boolean
  readonly last: JobRecord | undefined
  readonly nextAt: number | undefined
}

/** What is told of a job while it goes round. */
export type JobWord =
  | { readonly kind: 'ran'; readonly job: string; readonly outcome: string }
  | { readonly kind: 'failed'; readonly job: string; readonly because: string }

export type Jobs = AsyncDisposable & { status(): readonly JobStatus[] }

/**
 * Runs jobs until it is disposed of, which stops those at work. A job that is still at work when its time comes round is
 * not started again.
 */
export async function runJobs(
  jobs: readonly Job[],
  parts: {
    readonly memory: JobMemory
    readonly heard: (word: JobWord) => void
    readonly now: () => number
  },
): Promise<Jobs> {
  const stop = new AbortController()
  const runs = await Promise.all(
    jobs.map(async (job) => new JobRuns(job, parts, await parts.memory.recall(job.name))),
  )
  for (const run of runs) run.start(stop.signal)
  return {
    status: () => runs.map((run) => run.status()),
    async [Symbol.asyncDispose]() {
      stop.abort()
      for (const run of runs) await run.end()
    },
  }
}

type Parts = Parameters<typeof runJobs>[1]

class JobRuns {
  readonly #job: Job
  readonly #parts: Parts
  readonly #task: ScheduledTask
  #last: JobRecord | undefined
  #atWork: Promise<void> | undefined
  #stop: AbortSignal = AbortSignal.abort()

  constructor(job: Job, parts: Parts, last: JobRecord | undefined) {
    this.#job = job
    this.#parts = parts
    this.#last = last
    this.#task = createTask(job.when, async () => await this.#run(), {
      name: job.name,
      suppressMissedWarning: true,
    })
  }

  start(stop: AbortSignal): void {
    this.#stop = stop
    void this.#task.start()
    if (this.#job.missed === 'left-out') return
    // The box slept, or had no time for its clock.
    this.#task.on('execution:missed', () => void this.#run())
    if (this.#last === undefined || this.#last.nextAt <= this.#parts.now()) void this.#run()
  }

  async end(): Promise<void> {
    await this.#task.destroy()
    await this.#atWork
  }

  status(): JobStatus {
    const { name, when } = this.#job
    const running = this.#atWork !== undefined
    return { name, when, running, last: this.#last, nextAt: this.#task.getNextRun()?.getTime() }
  }

  async #run(): Promise<void> {
    if (this.#stop.aborted) return
    this.#atWork ??= this.#work().finally(() => {
      this.#atWork = undefined
    })
    await this.#atWork
  }

  async #work(): Promise<void> {
    const { heard, now } = this.#parts
    const { name, work } = this.#job
    const startedAt = now()
    // Until it has ended, the run that began now is the one that is due.
    await this.#remember({ startedAt, nextAt: startedAt })
    let outcome: string
    let failed = false
    try {
      const told = await work(this.#stop)
      outcome = told ?? 'nothing to do'
      if (told !== undefined) heard({ kind: 'ran', job: name, outcome })
    } catch (error) {
      if (this.#stop.aborted) return
      failed = true
      outcome = error instanceof Error ? error.message : String(error)
      heard({ kind: 'failed', job: name, because: outcome })
    }
    await this.#remember({
      startedAt,
      endedAt: now(),
      outcome,
      failed,
      nextAt: this.#task.getNextRun()?.getTime() ?? startedAt,
    })
  }

  async #remember(record: JobRecord): Promise<void> {
    this.#last = record
    if (this.#job.missed === 'left-out') return
    try {
      await this.#parts.memory.keep(this.#job.name, record)
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error)
      const job = this.#job.name
      this.#parts.heard({ kind: 'failed', job, because: `its run cannot be remembered: ${because}` })
    }
  }
}
