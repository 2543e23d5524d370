import { Malformed } from '../wire/malformed.ts'
import type { DhcpOptions } from './message.ts'
import { optionCodes } from './option-codes.ts'

/** Gathers the options of one message from its fields, in the order in which they are handed in. */
export class OptionCollector {
  readonly #options = new Map<number, Uint8Array>()
  /** All parts of the options that came more than once; few messages have any. */
  readonly #parts = new Map<number, Uint8Array[]>()

  /** @param place how a complaint names `field` */
  collect(field: Uint8Array, place: string): void {
    let at = 0
    while (at < field.length) {
      const code = field[at++]
      if (code === optionCodes.end) return
      if (code === undefined || code === optionCodes.pad) continue
      const length = field[at++]
      if (length === undefined) throw new Malformed(`option ${code} at the end of ${place} has no length`)
      const end = at + length
      if (end > field.length) {
        const left = field.length - at
        throw new Malformed(`option ${code} says it has ${length} bytes, ${left} are left in ${place}`)
      }
      this.#add(code, field.subarray(at, end))
      at = end
    }
    // Without an end option: clients do so that fill the field exactly, or forget it.
  }

  /** Takes an option out, as it was collected so far. */
  take(code: number): Uint8Array | undefined {
    this.#join()
    const value = this.#options.get(code)
    this.#options.delete(code)
    return value
  }

  options(): DhcpOptions {
    this.#join()
    return this.#options
  }

  #add(code: number, value: Uint8Array): void {
    const before = this.#options.get(code)
    if (before === undefined) {
      this.#options.set(code, value)
      return
    }
    const parts = this.#parts.get(code)
    if (parts === undefined) this.#parts.set(code, [before, value])
    else parts.push(value)
  }

  /** Once at the end: joining at each part would let a packet of many parts cost the square of its size. */
  #join(): void {
    for (const [code, parts] of this.#parts) this.#options.set(code, joined(parts))
    this.#parts.clear()
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
