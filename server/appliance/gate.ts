import type { Incoming, Outgoing } from '../boot/answer.ts'
import type { DhcpDesk } from '../listen/dhcp.ts'

/** A rack that is switched on in the same second; who is dropped asks again. */
const mostWaiting = 4_096

type Batch = { readonly incoming: readonly Incoming[]; readonly send: (outgoing: Outgoing) => void }

/**
 * Stands before a desk: what comes waits until the gate opens. A shut gate lets nothing through any more, also when it is
 * told to open afterwards.
 */
export class Gate {
  #state: 'waiting' | 'open' | 'shut' = 'waiting'
  readonly #desk: DhcpDesk
  #waiting: Batch[] = []
  #count = 0

  constructor(desk: DhcpDesk) {
    this.#desk = desk
  }

  readonly desk: DhcpDesk = (incoming, send) => {
    switch (this.#state) {
      case 'open':
        return this.#desk(incoming, send)
      case 'shut':
        return
      case 'waiting':
        if (this.#count + incoming.length > mostWaiting) return
        this.#count += incoming.length
        this.#waiting.push({ incoming, send })
    }
  }

  open(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'open'
    for (const { incoming, send } of this.#empty()) this.#desk(incoming, send)
  }

  shut(): void {
    this.#state = 'shut'
    this.#empty()
  }

  #empty(): readonly Batch[] {
    const waiting = this.#waiting
    this.#waiting = []
    this.#count = 0
    return waiting
  }
}
