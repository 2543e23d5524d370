import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'

/** Who was heard to have an address. */
export type Whereabout = { readonly address: Ipv4; readonly mac: Mac }

/** Larger networks are not served; made-up addresses must not fill the memory. */
const mostAddresses = 20_000

/**
 * Who stands at which address on networks whose addresses another server gives: what clients said themselves, the latest
 * word counting. It is good for telling whose a transfer is, and for nothing that must not be forged.
 */
export class Whereabouts {
  /** Two halves, because the first key of a large map from which much was deleted is slow to find. */
  #recent = new Map<Ipv4, Mac>()
  #older: ReadonlyMap<Ipv4, Mac> = new Map()
  readonly #half: number

  constructor(limit = mostAddresses) {
    this.#half = Math.ceil(limit / 2)
  }

  note({ address, mac }: Whereabout): void {
    this.#recent.set(address, mac)
    if (this.#recent.size < this.#half) return
    this.#older = this.#recent
    this.#recent = new Map()
  }

  macAt(address: Ipv4): Mac | undefined {
    return this.#recent.get(address) ?? this.#older.get(address)
  }
}
