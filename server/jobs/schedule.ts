import { schedule, type ScheduledTask } from 'node-cron'

/** Work that comes round by the clock. Each may run twice without harm, and says in words what it did. */
export type Job = {
  readonly name: string
  /** Five or six fields as cron has them, the first of six being seconds; in the time zone of the box. */
  readonly when: string
  readonly work: () => Promise<string | undefined>
}

/** Runs jobs until it is disposed of. A job that is still at work when its time comes round is not started again. */
export function runJobs(jobs: readonly Job[], done: (job: string, outcome: string) => void): AsyncDisposable {
  const tasks: ScheduledTask[] = jobs.map((job) =>
    schedule(job.when, async () => await runOnce(job, done), { name: job.name, noOverlap: true }),
  )
  return {
    async [Symbol.asyncDispose]() {
      for (const task of tasks) await task.destroy()
    },
  }
}

async function runOnce(job: Job, done: (job: string, outcome: string) => void): Promise<void> {
  try {
    const outcome = await job.work()
    if (outcome !== undefined) done(job.name, outcome)
  } catch (error) {
    done(job.name, `failed: ${error instanceof Error ? error.message : String(error)}`)
  }
}
