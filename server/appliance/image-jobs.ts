import { join } from 'node:path'
import { parseImageReference } from '../config/image-name.ts'
import type { Config } from '../config/config.ts'
import { size } from '../events/sentence.ts'
import type { ImageUses } from '../images/image-uses.ts'
import { sweepStore, type Swept } from '../images/sweep-store.ts'
import type { Job } from '../jobs/schedule.ts'
import type { Roster } from '../machines/roster.ts'
import { StoreFault } from '../store/store-fault.ts'
import { lockFile } from '../store/file-lock.ts'
import { approvedImages } from './approved-images.ts'
import { imageStoreName } from './image-shelf.ts'
import { imagesOfSettings } from './images-of-settings.ts'

const dayMs = 24 * 60 * 60 * 1000

export type ImageJobParts = {
  readonly config: Config
  readonly roster: Roster
  readonly imageUses: ImageUses
  readonly now: () => number
  /** Fetches what the settings ask for, and says what came. */
  readonly syncImages: (stop: AbortSignal) => Promise<string>
}

/** What is done with images by the clock. */
export function imageJobs(parts: ImageJobParts): readonly Job[] {
  const { config, syncImages, now } = parts
  const { jobs } = config
  return [
    ...(jobs.syncImages === undefined || config.imageSync.images.length === 0
      ? []
      : [{ name: 'sync-images', when: jobs.syncImages, missed: 'made-up' as const, work: syncImages }]),
    ...(jobs.sweepImages === undefined
      ? []
      : [
          {
            name: 'sweep-images',
            when: jobs.sweepImages,
            missed: 'made-up' as const,
            async work() {
              await forgetEndedUses(parts)
              return sweptInWords(await sweepImages(config, { now: now(), orphansKeptMs: dayMs }))
            },
          },
        ]),
  ]
}

/** A boot that has ended, or was not heard of for a day, runs no version any more. */
export async function forgetEndedUses({
  roster,
  imageUses,
  now,
}: Pick<ImageJobParts, 'roster' | 'imageUses' | 'now'>): Promise<void> {
  await imageUses.endAllBut((use) => {
    // A boot that writes a disk has a second image, under its own name with `-disk` behind it.
    const attempt = roster.byAttempt(use.replace(/-disk$/, ''))?.attempt
    return attempt !== undefined && attempt.endedAt === undefined && now() - attempt.lastSeenAt < dayMs
  })
}

/** Sweeps the store by the rules of the settings, or keeps more versions than those; never one that a machine is approved for. */
export async function sweepImages(
  config: Config,
  order: { readonly now: number; readonly orphansKeptMs: number; readonly keep?: number },
): Promise<Swept> {
  // What the next sync would fetch again is not swept.
  const keep = Math.max(config.imageStore.keep, config.imageSync.versions)
  const rules = { keep, unfinishedKeptMs: 7 * dayMs, ...order }
  let approved: readonly string[]
  try {
    approved = (await approvedImages(config.dataFolder)).map(({ image }) => image)
  } catch (error) {
    if (!(error instanceof StoreFault)) throw error
    return {
      kind: 'put-off',
      because: `which images machines are approved for is not known: ${error.message}`,
    }
  }
  const wanted = [...imagesOfSettings(config), ...approved].flatMap((name) => parseImageReference(name) ?? [])
  return await sweepStore(join(config.dataFolder, imageStoreName), { lock: lockFile, wanted, rules })
}

/** `undefined` where nothing was to be done. */
export function sweptInWords(swept: Swept): string | undefined {
  if (swept.kind === 'put-off') return `put off: ${swept.because}`
  const { versions, blobs, unfinished } = swept.sweep
  const freed = [...blobs, ...unfinished].reduce((sum, { byteCount }) => sum + byteCount, 0)
  const told = [
    ...(versions.length === 0 ? [] : [`${versions.join(', ')} went`]),
    ...(freed === 0 ? [] : [`${size(freed)} are free`]),
    ...swept.unreadable.map(
      ({ path, because }) => `${path} cannot be read (${because}), so that no blob is deleted`,
    ),
  ]
  return told.length === 0 ? undefined : told.join('; ')
}
