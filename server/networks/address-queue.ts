type Entry = { readonly address: number; readonly at: number }

/**
 * Addresses in the order of a time, the earliest first: a binary heap that knows where each of its addresses stands, so that
 * moving one costs O(log n) and none is in it twice. Equal times stand in the order of the addresses.
 */
export class AddressQueue {
  readonly #heap: Entry[] = []
  readonly #places = new Map<number, number>()

  get size(): number {
    return this.#heap.length
  }

  get first(): Entry | undefined {
    return this.#heap[0]
  }

  /** Adds an address, or moves it to its new place. */
  put(address: number, at: number): void {
    this.#settle(this.#places.get(address) ?? this.#heap.length, { address, at })
  }

  remove(address: number): void {
    const place = this.#places.get(address)
    if (place === undefined) return
    this.#places.delete(address)
    const last = this.#heap.pop()
    if (last !== undefined && last.address !== address) this.#settle(place, last)
  }

  /** Puts the entry where it belongs, starting from a place that may be overwritten. */
  #settle(from: number, entry: Entry): void {
    let place = from
    for (;;) {
      const parent = (place - 1) >>> 1
      const above = place === 0 ? undefined : this.#heap[parent]
      if (above === undefined || !isBefore(entry, above)) break
      this.#set(place, above)
      place = parent
    }
    for (;;) {
      const child = this.#earlierChild(place)
      const below = this.#heap[child]
      if (below === undefined || !isBefore(below, entry)) break
      this.#set(place, below)
      place = child
    }
    this.#set(place, entry)
  }

  #earlierChild(place: number): number {
    const left = place * 2 + 1
    const [one, other] = [this.#heap[left], this.#heap[left + 1]]
    return one !== undefined && other !== undefined && isBefore(other, one) ? left + 1 : left
  }

  #set(place: number, entry: Entry): void {
    this.#heap[place] = entry
    this.#places.set(entry.address, place)
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.address < other.address)
}
