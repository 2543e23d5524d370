import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** What is remembered of a job when the program ends. */
export type JobRecord = {
  /** Milliseconds since 1970-01-01 UTC, as all times here. */
  readonly startedAt: number
  /** Absent while it runs, and when it was broken off. */
  readonly endedAt?: number
  readonly outcome?: string
  readonly failed?: boolean
  /** When it was to run next; in the past, that run was missed. */
  readonly nextAt: number
}

export type JobMemory = {
  recall(job: string): Promise<JobRecord | undefined>
  keep(job: string, record: JobRecord): Promise<void>
}

const schema = z.object({
  startedAt: z.number(),
  endedAt: z.number().exactOptional(),
  outcome: z.string().exactOptional(),
  failed: z.boolean().exactOptional(),
  nextAt: z.number(),
})

/** Remembers in a folder, one small file for each job. What cannot be read counts as never run: jobs may run twice. */
export function jobMemory(folder: string): JobMemory {
  return {
    async recall(job) {
      const text = await readFile(join(folder, `${job}.json`), 'utf8').catch(() => '')
      try {
        return schema.parse(JSON.parse(text))
      } catch {
        return undefined
      }
    },
    async keep(job, record) {
      await mkdir(folder, { recursive: true })
      const unfinished = join(folder, `.${job}.json`)
      await writeFile(unfinished, JSON.stringify(record))
      await rename(unfinished, join(folder, `${job}.json`))
    },
  }
}
