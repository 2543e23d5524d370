import type { RecordedEvent } from '../events/event.ts'

/** Faults of the box and its networks that were told of last: one of each kind, and one for each network. */
export class Troubles {
  readonly #last = new Map<string, RecordedEvent>()

  hear(recorded: RecordedEvent): void {
    const { event } = recorded
    switch (event.kind) {
      case 'store-failed':
      case 'delivery-failed':
        this.#last.set(event.kind, recorded)
        return
      case 'foreign-server-seen':
      case 'network-unusable':
        this.#last.set(`${event.kind} ${event.network}`, recorded)
        return
      case 'network-ready':
        this.#last.delete(`network-unusable ${event.network}`)
        return
      default:
    }
  }

  all(): readonly RecordedEvent[] {
    return [...this.#last.values()]
  }
}
