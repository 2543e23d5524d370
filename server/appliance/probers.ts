import type { ApplianceEvent } from '../events/event.ts'
import { openAddressProber, type AddressProber, type ProbeOutcome } from '../listen/address-prober.ts'
import type { AddressProbe } from '../networks/found-in-use.ts'
import type { Network } from '../networks/network.ts'

/** Who looks whether addresses are in use, on each network where that is wanted and possible. */
export class Probers {
  readonly #byNetwork = new Map<string, AddressProber>()
  readonly #tell: (event: ApplianceEvent) => void

  constructor(tell: (event: ApplianceEvent) => void) {
    this.#tell = tell
  }

  /** Starts to look on a network, until the scope of what it returns is left. Where that is impossible it is told. */
  open({ name, interface: device, probes }: Network): AsyncDisposable {
    const opened = new AsyncDisposableStack()
    if (probes !== true) return opened
    try {
      this.#byNetwork.set(name, opened.use(openAddressProber(device)))
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error)
      this.#tell({ kind: 'addresses-not-probed', network: name, because })
    }
    return opened
  }

  /** On a network where nobody can be asked every address counts as free, as it would without probes. */
  async probe({ network, address, mac }: AddressProbe): Promise<ProbeOutcome> {
    return (await this.#byNetwork.get(network)?.probe(address, mac)) ?? { kind: 'quiet' }
  }
}
