import { arpClaim, arpProbe } from '../wire/arp.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import { afterReading } from './after-reading.ts'
import { openArp, type ArpSocket } from './arp-socket.ts'

/** What became of a probe. */
export type ProbeOutcome =
  | { readonly kind: 'quiet' }
  | { readonly kind: 'in-use'; readonly by: Mac }
  /** Nothing is known, and there is nobody to be told any more. */
  | { readonly kind: 'given-up'; readonly because: string }

/**
 * When the question goes out, and when it has been silent for long enough, in milliseconds. RFC 5227 §1.1 lets a host ask
 * three times and wait for up to seven seconds, since nobody waits for it; here iPXE does, which asks again after one
 * second. Hosts answer within milliseconds, and one question may get lost (decision 0017).
 */
export const probeMs = { again: 200, end: 400 } as const

/** Clients that wait for a probe at the same time. Who finds no room asks again by itself. */
export const mostWaiting = 4_096

/** Senders remembered while an address is probed; one would be usual, two a conflict already. */
const mostHeard = 4

type Probing = {
  /** One for each client: who asks again waits in place of itself. */
  readonly waiting: Map<Mac, (outcome: ProbeOutcome) => void>
  readonly heard: Set<Mac>
  asked: boolean
  /** Forget what is to come, in the order of their times. */
  readonly cancel: readonly (() => void)[]
}

/** Does something later, and gives what cancels it. */
export type Later = (delayMs: number, act: () => void) => () => void

/**
 * Looks whether somebody is at an address of the wire at an interface, for any number of addresses at once; who asks for
 * one that is being probed waits for the same end. Throws `ArpUnavailable` where that is impossible.
 */
export function openAddressProber(device: string): AddressProber {
  return new AddressProber((onPacket) => openArp(device, onPacket), afterReading)
}

export class AddressProber implements AsyncDisposable {
  readonly #arp: ArpSocket
  readonly #later: Later
  readonly #probing = new Map<Ipv4, Probing>()
  #waiting = 0
  #closed = false

  constructor(open: (onPacket: (bytes: Uint8Array) => void) => ArpSocket, later: Later) {
    this.#arp = open((bytes) => this.#hear(bytes))
    this.#later = later
  }

  /** Resolves when somebody other than `mac` answers at the address, or when nobody did for long enough. */
  async probe(address: Ipv4, mac: Mac): Promise<ProbeOutcome> {
    if (this.#closed) return closed
    if (this.#waiting >= mostWaiting) {
      return { kind: 'given-up', because: `${mostWaiting} clients wait for the end of a probe already` }
    }
    const probing = this.#probing.get(address) ?? this.#begin(address)
    const by = [...probing.heard].find((sender) => sender !== mac)
    if (by !== undefined) return { kind: 'in-use', by }
    this.#settle(probing, mac, askedAgain)
    this.#waiting++
    return await new Promise((settle) => probing.waiting.set(mac, settle))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const [address, probing] of this.#probing) this.#end(address, probing, closed)
    await this.#arp[Symbol.asyncDispose]()
  }

  #begin(address: Ipv4): Probing {
    const question = arpProbe(this.#arp.mac, address)
    const ask = (): void => {
      if (this.#arp.send(question)) probing.asked = true
    }
    const end = (): void => this.#end(address, probing, probing.asked ? { kind: 'quiet' } : unsent)
    const again = (): void => {
      if (probing.waiting.size > 0) ask()
    }
    const cancel = [this.#later(probeMs.again, again), this.#later(probeMs.end, end)]
    const probing: Probing = { waiting: new Map(), heard: new Set(), asked: false, cancel }
    this.#probing.set(address, probing)
    ask()
    return probing
  }

  #end(address: Ipv4, probing: Probing, outcome: ProbeOutcome): void {
    for (const cancel of probing.cancel) cancel()
    this.#probing.delete(address)
    for (const mac of probing.waiting.keys()) this.#settle(probing, mac, outcome)
  }

  #settle({ waiting }: Probing, mac: Mac, outcome: ProbeOutcome): void {
    const settle = waiting.get(mac)
    if (settle === undefined) return
    waiting.delete(mac)
    this.#waiting--
    settle(outcome)
  }

  #hear(bytes: Uint8Array): void {
    const claim = this.#probing.size === 0 ? undefined : arpClaim(bytes)
    const probing = claim === undefined ? undefined : this.#probing.get(claim.address)
    if (claim === undefined || probing === undefined) return
    const { waiting, heard } = probing
    if (heard.size < mostHeard) heard.add(claim.mac)
    for (const mac of waiting.keys()) {
      // The client that asks for the address may be the one that has it.
      if (mac !== claim.mac) this.#settle(probing, mac, { kind: 'in-use', by: claim.mac })
    }
  }
}

const closed: ProbeOutcome = { kind: 'given-up', because: 'the network is no longer served' }
const unsent: ProbeOutcome = { kind: 'given-up', because: 'nobody could be asked whether it is in use' }
const askedAgain: ProbeOutcome = { kind: 'given-up', because: 'the client has asked again in the meantime' }
