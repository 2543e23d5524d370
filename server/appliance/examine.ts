import { bootsLookedAt, diagnose, type Boot, type Diagnosis } from '../boot/doctor.ts'
import type { Intent } from '../boot/choose-script.ts'
import type { RecordedEvent } from '../events/event.ts'
import type { Machine } from '../machines/machine.ts'
import type { Roster } from '../machines/roster.ts'
import type { Store } from '../store/open-store.ts'
import type { ImageShelf } from './image-shelf.ts'
import type { Plans } from './plans.ts'
import type { Troubles } from './troubles.ts'

export type ExamineParts = {
  readonly store: Store
  readonly roster: Roster
  readonly plans: Plans
  readonly images: Pick<ImageShelf, 'look'>
  readonly troubles: Troubles
  readonly now: () => number
}

/** The store gives at most this many at a time. A boot says about 200 things, and what it said last decides. */
const eventsLookedAt = 1_000

/** Asks the boot doctor about a machine, with what the store knows of its boots. */
export async function examine(parts: ExamineParts, machine: Machine): Promise<Diagnosis> {
  const { store, roster, plans, troubles, now } = parts
  const attempts = await store.attempts.ofMachine(machine.id, bootsLookedAt)
  const newest = await store.events.list({ machine: machine.id, limit: eventsLookedAt })
  const latest = roster.latestAttempt(machine.id)
  const boots: Boot[] = []
  for (const stored of attempts) {
    // The roster is ahead of the store by what is being written.
    const attempt = stored.id === latest?.id ? latest : stored
    const events = await store.events.list({ attempt: attempt.id, limit: eventsLookedAt })
    boots.push({ attempt, events: events.toReversed() })
  }
  await parts.images.look()
  const mac = latest?.mac ?? machine.macs[0]
  const intent: Intent = mac === undefined ? unknownCard : plans.intentFor(mac, machine)
  const since = sinceThen(newest, boots)
  return diagnose({ machine, boots, since, intent, troubles: troubles.all(), now: now() })
}

/** What belongs to no boot and came after the latest one, the oldest first. */
function sinceThen(
  newestFirst: readonly RecordedEvent[],
  [latest]: readonly Boot[],
): readonly RecordedEvent[] {
  const after = latest?.events.at(-1)?.id ?? 0
  return newestFirst.filter(({ id, attempt }) => attempt === undefined && id > after).toReversed()
}

const unknownCard: Intent = {
  approved: false,
  method: 'ram',
  image: { kind: 'none', because: 'no card of it is known' },
}
