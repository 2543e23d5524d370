import type { Entries, Shelf } from '../../server/appliance/logbook.ts'
import type { RecordedEvent } from '../../server/events/event.ts'

/** Keeps everything, numbered as a store numbers it. */
export class FixedShelf implements Shelf {
  readonly commits: Entries[] = []
  #next = 1

  commit(entries: Entries): Promise<readonly RecordedEvent[]> {
    this.commits.push(entries)
    return Promise.resolve(entries.events.map((event) => ({ id: this.#next++, ...event })))
  }

  get kinds(): readonly string[] {
    return this.commits.flatMap(({ events }) => events.map(({ event }) => event.kind))
  }
}

/** Can keep nothing. */
export const brokenShelf: Shelf = {
  commit: () => Promise.reject(new Error('the disk is full')),
}

/** Leaves it to the test how each commit ends. */
export class SlowShelf implements Shelf {
  readonly waiting: { entries: Entries; store: () => void; fail: () => void }[] = []

  commit(entries: Entries): Promise<readonly RecordedEvent[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly RecordedEvent[]>()
    this.waiting.push({
      entries,
      store: () => resolve(entries.events.map((event, index) => ({ id: index + 1, ...event }))),
      fail: () => reject(new Error('the disk is full')),
    })
    return promise
  }
}

/** All turns of the loop that are due. */
export async function turns(count = 5): Promise<void> {
  for (; count > 0; count--) await new Promise((resolve) => setImmediate(resolve))
}
