import type { Mac } from '../wire/mac.ts'
import type { Frame } from '../wire/write-pcap.ts'

export type FrameLimits = {
  readonly framesPerMac: number
  readonly bytesPerMac: number
  /** Of all frames together. */
  readonly bytes: number
  readonly macs: number
}

/** A boot says about ten things on the DHCP port: the last few boots of each machine, in at most 16 MiB. */
const usual: FrameLimits = {
  framesPerMac: 64,
  bytesPerMac: 64 * 1024,
  bytes: 16 * 1024 * 1024,
  macs: 4_096,
}

type Ring = { frames: Frame[]; bytes: number }

/** The last datagrams that each network card sent and was sent on the DHCP port, in memory. The oldest give way first. */
export class FrameRing {
  readonly #limits: FrameLimits
  /** In the order in which the cards were last heard of. */
  readonly #rings = new Map<Mac, Ring>()
  #bytes = 0

  constructor(limits: Partial<FrameLimits> = {}) {
    this.#limits = { ...usual, ...limits }
  }

  /** Bytes of payload held now. */
  get bytes(): number {
    return this.#bytes
  }

  keep(mac: Mac, frame: Frame): void {
    if (frame.bytes.length > this.#limits.bytesPerMac) return
    const ring = this.#rings.get(mac) ?? { frames: [], bytes: 0 }
    this.#rings.delete(mac)
    this.#rings.set(mac, ring)
    // A copy, which `slice` of a Buffer is not: a view would hold on to what it was cut from, and change with it.
    ring.frames.push({ ...frame, bytes: new Uint8Array(frame.bytes) })
    this.#count(ring, frame.bytes.length)
    while (ring.frames.length > this.#limits.framesPerMac || ring.bytes > this.#limits.bytesPerMac) {
      this.#count(ring, -(ring.frames.shift()?.bytes.length ?? 0))
    }
    while (this.#rings.size > this.#limits.macs || this.#bytes > this.#limits.bytes) this.#forgetOldest()
  }

  /** What is held of these cards, in the order of time. */
  of(macs: readonly Mac[]): readonly Frame[] {
    return macs.flatMap((mac) => this.#rings.get(mac)?.frames ?? []).toSorted((a, b) => a.at - b.at)
  }

  #count(ring: Ring, bytes: number): void {
    ring.bytes += bytes
    this.#bytes += bytes
  }

  #forgetOldest(): void {
    for (const [mac, ring] of this.#rings) {
      this.#bytes -= ring.bytes
      this.#rings.delete(mac)
      return
    }
  }
}
