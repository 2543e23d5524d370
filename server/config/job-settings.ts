import { validate } from 'node-cron'
import { z } from 'zod'

/** When a job runs, as cron has it, in the time zone of the box; `off` for never. */
function when(usual: string) {
  return z
    .string()
    .superRefine((text, context) => {
      if (text === 'off' || validate(text)) return
      context.issues.push({
        code: 'custom',
        input: text,
        message: 'This is not a time that comes round.',
        params: {
          nextStep: 'Write minute, hour, day, month and weekday as cron has them, 30 3 * * *, or off.',
        },
      })
    })
    .default(usual)
}

/** At night, one after the other: what was synced decides what is swept. */
export const jobSettings = z
  .strictObject({ 'sync-images': when('10 3 * * *'), 'sweep-images': when('40 4 * * *') })
  .prefault({})
