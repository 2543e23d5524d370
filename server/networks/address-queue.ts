/**
 * Addresses in the order in which they become free: a binary heap that knows where each of its addresses stands, so that
 * moving one costs O(log n) and the queue never holds an address twice.
 */
export class AddressQueue {
  readonly #heap: { readonly address: number; readonly freeFrom: number }[] = []
  readonly #places = new Map<number, number>()

  get size(): number {
    return this.#heap.length
  }

  /** The address that has been free for the longest, or will be free first. */
  get first(): { readonly address: number; readonly freeFrom: number } | undefined {
    return this.#heap[0]
  }

  /** Adds an address, or moves it to its new place. */
  put(address: number, freeFrom: number): void {
    const entry = { address, freeFrom }
    const place = this.#places.get(address) ?? this.#heap.length
    this.#set(place, entry)
    this.#sink(this.#rise(place))
  }

  #rise(from: number): number {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >>> 1
      if (!this.#isBefore(place, parent)) break
      this.#swap(place, parent)
      place = parent
    }
    return place
  }

  #sink(from: number): void {
    let place = from
    for (;;) {
      const left = place * 2 + 1
      if (left >= this.#heap.length) return
      const child = left + 1 < this.#heap.length && this.#isBefore(left + 1, left) ? left + 1 : left
      if (!this.#isBefore(child, place)) return
      this.#swap(child, place)
      place = child
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]]
    if (a === undefined || b === undefined) return false
    return a.freeFrom < b.freeFrom || (a.freeFrom === b.freeFrom && a.address < b.address)
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]]
    if (a === undefined || b === undefined) return
    this.#set(one, b)
    this.#set(other, a)
  }

  #set(place: number, entry: { readonly address: number; readonly freeFrom: number }): void {
    this.#heap[place] = entry
    this.#places.set(entry.address, place)
  }
}
