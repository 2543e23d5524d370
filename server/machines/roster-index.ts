import type { Mac } from '../wire/mac.ts'
import type { Uuid } from '../wire/uuid.ts'
import type { DiskInstall } from './disk-install.ts'
import type { Attempt, Machine } from './machine.ts'

/** All machines and the latest attempt of each, by everything they are found by. */
export class RosterIndex {
  readonly #machines = new Map<string, Machine>()
  readonly #byMac = new Map<Mac, string>()
  readonly #byUuid = new Map<Uuid, string>()
  readonly #byClaim = new Map<string, string>()
  /** The latest attempt of each machine. */
  readonly #latest = new Map<string, Attempt>()
  readonly #byAttempt = new Map<string, string>()
  /** Whose install has this nonce. */
  readonly #byInstall = new Map<string, string>()

  all(): readonly Machine[] {
    return [...this.#machines.values()]
  }

  byId(id: string): Machine | undefined {
    return this.#machines.get(id)
  }

  byMac(mac: Mac): Machine | undefined {
    return this.#machines.get(this.#byMac.get(mac) ?? '')
  }

  byUuid(uuid: Uuid): Machine | undefined {
    return this.#machines.get(this.#byUuid.get(uuid) ?? '')
  }

  /** The machine whose screen shows this code. */
  byClaim(code: string): Machine | undefined {
    return this.#machines.get(this.#byClaim.get(code) ?? '')
  }

  latestAttempt(machine: string): Attempt | undefined {
    return this.#latest.get(machine)
  }

  /** The machine whose latest attempt has this identifier, with that attempt. */
  byAttempt(id: string): { readonly machine: Machine; readonly attempt: Attempt } | undefined {
    const machine = this.#machines.get(this.#byAttempt.get(id) ?? '')
    const attempt = machine === undefined ? undefined : this.#latest.get(machine.id)
    return machine === undefined || attempt?.id !== id ? undefined : { machine, attempt }
  }

  /** The machine with this install, whichever boot it is in. */
  byInstall(id: string): { readonly machine: Machine; readonly install: DiskInstall } | undefined {
    const machine = this.#machines.get(this.#byInstall.get(id) ?? '')
    return machine?.install?.id === id ? { machine, install: machine.install } : undefined
  }

  protected get size(): number {
    return this.#machines.size
  }

  protected hasClaim(code: string): boolean {
    return this.#byClaim.has(code)
  }

  protected keep(machine: Machine): void {
    const { id, macs, claim, install, uuid } = machine
    const before = this.#machines.get(id)
    if (before?.install !== undefined && before.install.id !== install?.id)
      this.#byInstall.delete(before.install.id)
    if (before?.uuid !== undefined && before.uuid !== uuid) this.#leaveUuid(before)
    this.#machines.set(id, machine)
    for (const mac of macs) this.#byMac.set(mac, id)
    if (claim !== undefined) this.#byClaim.set(claim, id)
    if (install !== undefined) this.#byInstall.set(install.id, id)
    if (uuid !== undefined && this.byUuid(uuid) === undefined) this.#byUuid.set(uuid, id)
  }

  protected keepAttempt(attempt: Attempt): void {
    const before = this.#latest.get(attempt.machine)
    if (before !== undefined && before.id !== attempt.id) this.#byAttempt.delete(before.id)
    this.#latest.set(attempt.machine, attempt)
    this.#byAttempt.set(attempt.id, attempt.machine)
  }

  protected forget(id: string): void {
    const machine = this.#machines.get(id)
    if (machine === undefined) return
    for (const mac of machine.macs) if (this.#byMac.get(mac) === id) this.#byMac.delete(mac)
    this.#leaveUuid(machine)
    if (machine.claim !== undefined) this.#byClaim.delete(machine.claim)
    if (machine.install !== undefined) this.#byInstall.delete(machine.install.id)
    this.#byAttempt.delete(this.#latest.get(id)?.id ?? '')
    this.#machines.delete(id)
    this.#latest.delete(id)
  }

  #leaveUuid({ id, uuid }: Machine): void {
    if (uuid !== undefined && this.#byUuid.get(uuid) === id) this.#byUuid.delete(uuid)
  }
}
