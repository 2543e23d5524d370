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
  readonly #macs = new Map<Ipv4, Mac>()
  readonly #limit: number

  constructor(limit = mostAddresses) {
    this.#limit = limit
  }

  note({ address, mac }: Whereabout): void {
    this.#macs.delete(address)
    this.#macs.set(address, mac)
    if (this.#macs.size <= this.#limit) return
    const [longestUnheard] = this.#macs.keys()
    if (longestUnheard !== undefined) this.#macs.delete(longestUnheard)
  }

  macAt(address: Ipv4): Mac | undefined {
    return this.#macs.get(address)
  }
}
