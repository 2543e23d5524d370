import { catalogue } from '../events/catalogue.ts'
import type { ApplianceEvent, RecordedEvent } from '../events/event.ts'
import type { Enrolment } from '../machines/enrolment.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import type { RosterChange } from '../machines/roster-change.ts'
import type { ServedScript } from '../machines/served-script.ts'
import type { Lease } from '../networks/lease.ts'
import { Throttle } from './throttle.ts'

/** What one transaction of the store takes. */
export type Entries = {
  readonly machines: readonly Machine[]
  readonly attempts: readonly Attempt[]
  readonly leases: readonly Lease[]
  readonly events: readonly Omit<RecordedEvent, 'id'>[]
  /** Machines that are gone, with their attempts. */
  readonly forgotten: readonly string[]
  readonly served: readonly ServedScript[]
  readonly enrolments: readonly Enrolment[]
}

/** Where entries are kept. `commit` resolves with the events, numbered, once all of it is on disk, or rejects. */
export type Shelf = { commit(entries: Entries): Promise<readonly RecordedEvent[]> }

/** Whose an event is, as far as the records know. */
export type Whose = (event: ApplianceEvent) => { readonly machine?: string; readonly attempt?: string }

/**
 * Keeps what happened: gives each event its machine and attempt, holds back floods, writes all that came together in one
 * transaction, and hands what is written to those who listen.
 */
export class Logbook {
  readonly #shelf: Shelf
  readonly #whose: Whose
  readonly #now: () => number
  readonly #listeners = new Set<(event: RecordedEvent) => void>()
  /** A machine in trouble may say much; one that boots says about 200 things. */
  readonly #machineThrottle = new Throttle({ burst: 600, perSecond: 5, mostKeys: 20_000 })
  /** What concerns no machine on record: one line a minute for each source and kind, and not many of them in all. */
  readonly #strangerThrottle = new Throttle({ burst: 3, perSecond: 1 / 60, mostKeys: 5_000 })
  /** Why a machine on record was not answered: what it comes back to, and no more. */
  readonly #ignoredThrottle = new Throttle({ burst: 10, perSecond: 1 / 60, mostKeys: 20_000 })
  /** A full disk fails every commit; a few lines say so. */
  readonly #failureThrottle = new Throttle({ burst: 3, perSecond: 1 / 10, mostKeys: 1 })
  /** A rack of a thousand that boots says 200,000 things in ten minutes; made-up machines must not fill the disk. */
  readonly #allMachines = new Throttle({ burst: 100_000, perSecond: 200, mostKeys: 1 })
  readonly #errorThrottle = new Throttle({ burst: 5, perSecond: 1 / 60, mostKeys: 1_000 })
  readonly #allStrangers = new Throttle({ burst: 100, perSecond: 2, mostKeys: 1 })
  #machines = new Map<string, Machine>()
  #attempts = new Map<string, Attempt>()
  #leases: Lease[] = []
  #events: Omit<RecordedEvent, 'id'>[] = []
  #forgotten = new Set<string>()
  #served = new Map<string, ServedScript>()
  #enrolments = new Map<string, Enrolment>()
  #next: Promise<void> | undefined
  /** The commit that was begun last; never rejects. */
  #last: Promise<void> = Promise.resolve()
  #heldBack = 0

  constructor(shelf: Shelf, whose: Whose, now: () => number) {
    this.#shelf = shelf
    this.#whose = whose
    this.#now = now
  }

  /** Events that were held back since the start, because there were too many of their kind. */
  get heldBack(): number {
    return this.#heldBack
  }

  subscribe(listener: (event: RecordedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Notes an event; it is written with the next commit. */
  note(event: ApplianceEvent): void {
    const whose = this.#whose(event)
    const at = this.#now()
    if (!this.#passes(event, whose.machine, at)) return
    this.#events.push({ at, ...whose, event })
    // Written soon, also when nobody waits for it. A failure is told by #write itself.
    this.settle().catch(() => {})
  }

  /** Notes changed records and their events; resolves when they are on disk, rejects when they are not. */
  async keep(change: RosterChange, leases: readonly Lease[] = []): Promise<void> {
    for (const machine of change.machines) this.#machines.set(machine.id, machine)
    for (const attempt of change.attempts) this.#attempts.set(attempt.id, attempt)
    for (const lease of leases) this.#leases.push(lease)
    this.#forget(change.forgotten ?? [])
    for (const event of change.happened) this.note(event)
    await this.settle()
  }

  /** Notes what a machine was given to boot by, in place of what it was given before; it is written with the next commit. */
  served(script: ServedScript): void {
    this.#served.set(script.machine, script)
  }

  /** Notes how a machine stands that enrols; it is written with the next commit. */
  enrolled(enrolment: Enrolment): void {
    this.#enrolments.set(enrolment.machine, enrolment)
  }

  /** What was still to be written of machines that are gone must not be: their attempts would belong to nobody. */
  #forget(machines: readonly string[]): void {
    if (machines.length === 0) return
    for (const id of machines) {
      this.#forgotten.add(id)
      this.#machines.delete(id)
      this.#served.delete(id)
      this.#enrolments.delete(id)
    }
    for (const { id, machine } of this.#attempts.values()) {
      if (this.#forgotten.has(machine)) this.#attempts.delete(id)
    }
  }

  /** Resolves when all that was noted so far is on disk. What comes in the same turn shares a transaction. */
  async settle(): Promise<void> {
    this.#next ??= this.#begin()
    await this.#next
  }

  /** One commit at a time: were two under way, the records of one that fails could be put back over newer ones. */
  #begin(): Promise<void> {
    const endOfTurn = new Promise<void>((resolve) => setImmediate(resolve))
    const written = Promise.all([this.#last, endOfTurn]).then(async () => await this.#write())
    this.#last = written.catch(() => {})
    return written
  }

  async #write(): Promise<void> {
    this.#next = undefined
    const entries: Entries = {
      machines: [...this.#machines.values()],
      attempts: [...this.#attempts.values()],
      leases: this.#leases,
      events: this.#events,
      forgotten: [...this.#forgotten],
      served: [...this.#served.values()],
      enrolments: [...this.#enrolments.values()],
    }
    this.#machines = new Map()
    this.#attempts = new Map()
    this.#leases = []
    this.#events = []
    this.#forgotten = new Set()
    this.#served = new Map()
    this.#enrolments = new Map()
    let recorded: readonly RecordedEvent[]
    try {
      recorded = await this.#shelf.commit(entries)
    } catch (error) {
      this.#takeBack(entries)
      this.#tellFailure(error instanceof Error ? error.message : String(error))
      throw error
    }
    for (const event of recorded) this.#tell(event)
  }

  /** Records are tried again with the next commit, in their newest form; leases and events of a failed one are not. */
  #takeBack(entries: Entries): void {
    for (const machine of entries.machines) {
      if (!this.#machines.has(machine.id)) this.#machines.set(machine.id, machine)
    }
    for (const attempt of entries.attempts) {
      if (!this.#attempts.has(attempt.id)) this.#attempts.set(attempt.id, attempt)
    }
    for (const script of entries.served) {
      if (!this.#served.has(script.machine)) this.#served.set(script.machine, script)
    }
    for (const enrolment of entries.enrolments) {
      if (!this.#enrolments.has(enrolment.machine)) this.#enrolments.set(enrolment.machine, enrolment)
    }
    this.#forget([...entries.forgotten, ...this.#forgotten])
  }

  /** Not written, since nothing can be; whoever listens hears it. */
  #tellFailure(because: string): void {
    const at = this.#now()
    if (!this.#counted(this.#failureThrottle.pass('', at).passes)) return
    this.#tell({ id: 0, at, event: { kind: 'store-failed', because } })
  }

  #tell(event: RecordedEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #passes(event: ApplianceEvent, machine: string | undefined, at: number): boolean {
    const { level } = catalogue[event.kind]
    if (machine !== undefined) {
      const throttle = event.kind === 'packet-ignored' ? this.#ignoredThrottle : this.#machineThrottle
      return this.#counted(throttle.pass(machine, at).passes && this.#allMachines.pass('', at).passes)
    }
    // Ordinary clients of the addresses are in the lease table; their every renewal is no news.
    if (ordinary.has(event.kind)) return false
    if (owned.has(event.kind)) return true
    // What is wrong with a network itself, such as an empty pool, is told for the network, whoever met it.
    if (level === 'error') {
      return this.#counted(this.#errorThrottle.pass(`${event.kind} ${event.network ?? ''}`, at).passes)
    }
    const source = event.mac ?? event.address ?? ('from' in event ? event.from : event.network) ?? ''
    const passes =
      this.#strangerThrottle.pass(`${event.kind} ${source}`, at).passes &&
      this.#allStrangers.pass('', at).passes
    return this.#counted(passes)
  }

  #counted(passes: boolean): boolean {
    if (!passes) this.#heldBack++
    return passes
  }
}

const ordinary: ReadonlySet<ApplianceEvent['kind']> = new Set([
  'address-offered',
  'address-leased',
  'address-taken',
  'other-server-chosen',
  'address-released',
  'packet-ignored',
])

/** Told by the appliance about itself, never by a packet. */
const owned: ReadonlySet<ApplianceEvent['kind']> = new Set([
  'appliance-started',
  'appliance-stopped',
  'network-ready',
  'network-unusable',
  'delivery-ready',
  'authority-ready',
  'api-certificate-made',
  'api-ready',
  'api-unusable',
  'api-token-made',
  'api-token-revoked',
  'image-unknown',
  'cluster-init-given-up',
  'cluster-address-taken',
  'cluster-silent',
  'cluster-heard',
  'pod-network-applied',
  'pod-network-failed',
  'sightings-swept',
  'job-ran',
  'job-failed',
])
