import type { AttemptStage, Machine } from './machine.ts'

/**
 * Whether nothing is known of a machine but that it was seen: it never left its first state, and no person and no setting
 * has named it. Anybody on the wire can make up such a machine.
 */
export function isOnlySeen(machine: Machine): boolean {
  const { state, stateSince, discoveredAt, approval, bootNext, hostname } = machine
  const isAsDiscovered = state === 'discovered' && stateSince === discoveredAt
  return isAsDiscovered && approval === undefined && bootNext === undefined && hostname === undefined
}

/**
 * The records that may be forgotten, in the order in which they are: first those that were only heard on the wire, where a
 * made-up machine costs one datagram; then those that fetched their script, and showed a person their code. Of each kind
 * the one that was silent for longest is the first.
 */
export class Sightings {
  readonly #heard = new Set<string>()
  readonly #shown = new Set<string>()

  get size(): number {
    return this.#heard.size + this.#shown.size
  }

  /** A machine was seen; one that is more than seen is not forgotten. */
  note(machine: Machine): void {
    const { id } = machine
    const kind = this.#shown.has(id) ? this.#shown : this.#heard
    kind.delete(id)
    if (isOnlySeen(machine)) kind.add(id)
  }

  /** It came as far as this stage of its boot. */
  reached(id: string, stage: AttemptStage): void {
    if (stage === 'firmware' || stage === 'ipxe' || !this.#heard.delete(id)) return
    this.#shown.add(id)
  }

  forget(id: string): void {
    this.#heard.delete(id)
    this.#shown.delete(id)
  }

  /** Who is to be forgotten next, of those that may be. */
  first(mayBe: (id: string) => boolean): string | undefined {
    for (const kind of [this.#heard, this.#shown]) for (const id of kind) if (mayBe(id)) return id
    return undefined
  }
}
