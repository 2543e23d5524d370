import type { Job } from '../jobs/schedule.ts'
import type { Roster } from '../machines/roster.ts'
import type { Store } from '../store/open-store.ts'
import type { Logbook } from './logbook.ts'

const dayMs = 24 * 60 * 60 * 1000

/** What the appliance does by the clock. */
export function applianceJobs(parts: {
  readonly store: Store
  readonly roster: Roster
  readonly logbook: Logbook
  readonly keepDays: number
  readonly now: () => number
}): readonly Job[] {
  const { store, roster, logbook, keepDays, now } = parts
  return [
    {
      name: 'time-limits',
      when: '* * * * *',
      async work() {
        const change = roster.passTimeLimits(now())
        if (change.machines.length > 0) await logbook.keep(change)
        return undefined
      },
    },
    {
      name: 'sweep-events',
      when: '17 * * * *',
      async work() {
        let swept = 0
        for (;;) {
          const deleted = await store.deleteEventsBefore(now() - keepDays * dayMs)
          swept += deleted
          if (deleted === 0) break
        }
        return swept === 0 ? undefined : `${swept} events older than ${keepDays} days were deleted`
      },
    },
  ]
}
