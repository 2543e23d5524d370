import type { ApplianceEvent } from '../events/event.ts'
import type { SyncOutcome, SyncStep } from './sync-report.ts'

/** Every event is kept; a person who looks on wants to see it move. */
const progressEveryMs = 10_000

/** What of a sync is worth an event. */
export function syncEvents(now: () => number): (step: SyncStep) => ApplianceEvent | undefined {
  let toldAt = now()
  return (step) => {
    switch (step.kind) {
      case 'asking':
      case 'fetched':
      case 'preparing':
        return undefined
      case 'planned': {
        const { images, files, byteCount } = step
        return { kind: 'image-sync-planned', images: images.length, files, byteCount }
      }
      case 'progress': {
        if (now() - toldAt < progressEveryMs) return undefined
        toldAt = now()
        return { kind: 'image-sync-progress', byteCount: step.byteCount, of: step.of }
      }
      case 'published':
        return { kind: 'image-synced', image: step.image, byteCount: step.byteCount }
      case 'refused':
        return { kind: 'image-refused', image: step.image, because: step.because }
    }
  }
}

export function endOfSync(outcome: SyncOutcome, tookMs: number): ApplianceEvent {
  const { published, present, refused, byteCount } = outcome
  return {
    kind: 'image-sync-ended',
    published: published.length,
    present: present.length,
    refused: refused.length,
    byteCount,
    tookMs,
  }
}
