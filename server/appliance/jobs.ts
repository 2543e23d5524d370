import type { Job } from '../jobs/schedule.ts'
import type { Store } from '../store/open-store.ts'
import { forgetEndedUses, imageJobs, type ImageJobParts } from './image-jobs.ts'
import type { Logbook } from './logbook.ts'

const dayMs = 24 * 60 * 60 * 1000
/** Some 600 MB; a thousand machines that boot every day say as much in ten days. */
const mostEvents = 2_000_000

/** What the appliance does by the clock. */
export function applianceJobs(parts: {
  readonly store: Store
  readonly logbook: Logbook
  readonly images: ImageJobParts
}): readonly Job[] {
  const { store, logbook, images } = parts
  const { roster, config, now } = images
  const { keepDays } = config.events
  return [
    {
      name: 'time-limits',
      when: '* * * * *',
      missed: 'left-out',
      async work() {
        const change = roster.passTimeLimits(now())
        if (change.machines.length + change.happened.length > 0) await logbook.keep(change)
        await forgetEndedUses(images)
        return undefined
      },
    },
    {
      name: 'sweep-records',
      when: '17 * * * *',
      missed: 'made-up',
      async work() {
        const old = await all(async () => await store.deleteEventsBefore(now() - keepDays * dayMs))
        const boots = await all(async () => await store.deleteAttemptsBefore(now() - keepDays * dayMs))
        const beyond = await all(async () => await store.deleteEventsBeyond(mostEvents))
        const told = [
          ...(old === 0 ? [] : [`${old} events older than ${keepDays} days were deleted`]),
          ...(boots === 0 ? [] : [`${boots} boots older than ${keepDays} days were deleted`]),
          ...(beyond === 0 ? [] : [`${beyond} events beyond the newest ${mostEvents} were deleted`]),
        ]
        return told.length === 0 ? undefined : told.join('; ')
      },
    },
    ...imageJobs(images),
  ]
}

/** Goes on until there is nothing left to delete, and tells how much was deleted. */
async function all(some: () => Promise<number>): Promise<number> {
  for (let sum = 0; ;) {
    const deleted = await some()
    if (deleted === 0) return sum
    sum += deleted
  }
}
