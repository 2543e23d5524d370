import type { ApplianceEvent } from '../events/event.ts'
import type { Mac } from '../wire/mac.ts'
import { namesOneMachine, type Uuid } from '../wire/uuid.ts'
import { underRule, withoutCard, type Approval, type ApprovalWishes, type Standing } from './approval.ts'
import { isSameUuid, shownAfter } from './board-shown.ts'
import { advanced, attemptIdleMs, follow, isRunning, startsBoot, type Following } from './attempt.ts'
import { dueIn, type BootNextAction, type ThisBoot } from './boot-next.ts'
import type { Chained } from './chained.ts'
import { claimCode } from './claim-code.ts'
import { failureCauseOf } from './failure-cause-of.ts'
import { beginInstall, type DiskInstall } from './disk-install.ts'
import type { Join } from './join.ts'
import type { Inventory } from './inventory.ts'
import { byEitherUuid, recognise, type Recognition, type Sighting } from './identity.ts'
import { comparedAt } from './identity-tier.ts'
import { failuresBeforeQuarantine, timeLimitMs, transition, type Trigger } from './lifecycle.ts'
import type { Attempt, AttemptResult, AttemptStage, Machine, MachineState } from './machine.ts'
import { heardFetching, type ProxyLadder } from './proxy-ladder.ts'
import type { Release } from './release.ts'
import { comesBy, goesRound } from './rounds.ts'
import { Sightings } from './sightings.ts'

/** Bytes nobody can foresee, for identifiers. */
export type Chance = (count: number) => Uint8Array

/** What became of the records. Nothing of it is in the store yet. */
export type RosterChange = {
  readonly machines: readonly Machine[]
  readonly attempts: readonly Attempt[]
  readonly happened: readonly ApplianceEvent[]
  /** Records that are gone, with their attempts; absent, none. */
  readonly forgotten?: readonly string[]
}

export type Sign = {
  readonly sighting: Sighting
  readonly stage: AttemptStage
  readonly because: string
  /** The network it was seen on; absent, that is not known. */
  readonly network?: string
  /** What was learnt of its firmware in mode `proxy`; absent, nothing new. */
  readonly proxy?: ProxyLadder
  /** Its iPXE has no HTTP, and was given another so often. */
  readonly chained?: Chained
}

/** More records than this are not made from what unknown clients send; a rack has fewer. */
export const machineLimit = 20_000

/** Of machines that were only seen, so many records are kept, unless the settings say otherwise. */
export const sightingsKept = 2_000

/** A shelf of disks has more; what is chosen of them is chosen while all are told. */
const disksKept = 32
const cardsKept = 32

/** Records that are forgotten one after another are told of together. */
const sweptToldEveryMs = 60_000

/**
 * All machines and their latest attempts, in memory. Each method returns what changed, for the store; time and chance
 * come in as values.
 */
export class Roster {
  readonly #machines = new Map<string, Machine>()
  readonly #byMac = new Map<Mac, string>()
  readonly #byUuid = new Map<Uuid, string>()
  readonly #byClaim = new Map<string, string>()
  /** The latest attempt of each machine. */
  readonly #latest = new Map<string, Attempt>()
  readonly #byAttempt = new Map<string, string>()
  /** Whose install has this nonce. */
  readonly #byInstall = new Map<string, string>()
  /** When a file was last on its way to a machine, or waited for, which is not the machine's fault. */
  readonly #fetchedAt = new Map<string, number>()
  /** The clash last told of each machine, with the boot in which it was. */
  readonly #clashes = new Map<string, string>()
  readonly #sightings = new Sightings()
  readonly #sightingsKept: number
  /** Records that were forgotten and not told of yet, and when some were last told of. */
  #swept = { count: 0, toldAt: Number.NEGATIVE_INFINITY }

  constructor(
    machines: Iterable<Machine> = [],
    attempts: Iterable<Attempt> = [],
    limits: { readonly sightings: number } = { sightings: sightingsKept },
  ) {
    this.#sightingsKept = limits.sightings
    for (const machine of machines) this.#keep(machine)
    for (const attempt of attempts) this.#keepAttempt(attempt)
    const bySilence = this.all().toSorted((a, b) => a.lastSeenAt - b.lastSeenAt)
    for (const machine of bySilence) this.#sightings.note(machine)
  }

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

  /** Records that a machine was seen at a stage of its boot: makes its record and its attempt where they are new. */
  see(sign: Sign, now: number, chance: Chance): RosterChange {
    const { sighting } = sign
    const recognition = this.#recognise(sighting, now)
    // A system that never booted through this box is a client of its addresses, and no machine of its records.
    if (recognition.kind === 'new' && !startsBoot(sign.stage)) return noChange
    const room = recognition.kind === 'new' ? this.#makeRoom(now) : noChange
    if (recognition.kind === 'new' && !this.#hasRoom()) {
      return joined(room, { ...noChange, happened: [full(sighting.mac)] })
    }
    const before = this.#withClaim(
      recognition.kind === 'known' ? recognition.machine : newMachine(this.#freshId(chance), sighting, now),
      chance,
    )
    // It may have been forgotten a moment ago, to make room.
    const leaves = recognition.kind === 'new' ? this.#machines.get(recognition.leaves?.id ?? '') : undefined
    const left = leaves === undefined ? [] : [leftBy(leaves, sighting.mac)]
    const latest = this.#latest.get(before.id)
    const following = follow(latest, sign.stage, now)
    const asked = { sign, following, latest, now }
    const known = withSighting(before, sighting, now)
    const machine = this.#withShown(withRounds(withChained(withLadder(known, sign), sign), asked), asked)
    for (const changed of [...left, machine]) this.#keep(changed)
    const followed = this.#follow(machine, sign, following, { now, chance })
    const happened: ApplianceEvent[] = []
    if (recognition.kind === 'new') {
      happened.push({ kind: 'machine-discovered', mac: sighting.mac, seenAs: seenAs(sighting) })
    }
    if (recognition.clash !== undefined && this.#isNews(machine, recognition.clash)) {
      happened.push({ kind: 'machine-clash', mac: sighting.mac, because: recognition.clash })
    }
    const round: RosterChange = { ...noChange, happened: roundEvents(sighting.mac, before, machine) }
    return joined(room, { machines: [...left, machine], attempts: [], happened }, followed, round)
  }

  /** The machine that would be seen. */
  knownAs(sighting: Sighting, now: number): Machine | undefined {
    const recognition = this.#recognise(sighting, now)
    return recognition.kind === 'known' ? recognition.machine : undefined
  }

  /** What of a machine that shows itself so points to another record than its own. */
  clashOf(sighting: Sighting, now: number): string | undefined {
    return this.#recognise(sighting, now).clash
  }

  /**
   * A person approves a machine, for the cards it has now; an approval from before is replaced. `disk` says what becomes of one
   * that was written under that: another install, or it stays; absent, the new approval is for no disk.
   */
  approve(id: string, wishes: ApprovalWishes, now: number, disk?: 'install-again' | 'keep'): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined) return noChange
    const { hostname } = wishes
    const kept = disk === 'keep' ? keptOf(machine, now) : {}
    const approval: Approval = { by: 'person', at: now, macs: machine.macs, ...wishes, ...kept }
    const compared = wishes.claim === undefined ? machine : this.#withBoardShown(machine)
    const approved: Machine = {
      ...(disk === 'install-again' ? withInstallAgain(compared) : compared),
      approval,
      ...(hostname === undefined ? {} : { hostname }),
    }
    this.#keep(approved)
    const told: ApplianceEvent = {
      kind: 'machine-approved',
      ...aboutMachine(machine),
      ...wishes,
      ...(disk === 'keep' ? { keep: true } : {}),
    }
    const change: RosterChange = { machines: [approved], attempts: [], happened: [told] }
    return joined(change, this.move(id, 'approved', 'a person approves it', now))
  }

  /** A person takes an approval back; the name that came with it goes too. */
  unapprove(id: string, now: number): RosterChange {
    const machine = this.#machines.get(id)
    if (machine?.approval?.by !== 'person') return noChange
    const { approval, ...rest } = machine
    const isNamedByIt = approval.hostname !== undefined && approval.hostname === machine.hostname
    const left: Machine = withoutInstallAgain(isNamedByIt ? { ...rest, hostname: undefined } : rest)
    this.#keep(left)
    const told: ApplianceEvent = { kind: 'machine-unapproved', ...aboutMachine(machine) }
    const change: RosterChange = { machines: [left], attempts: [], happened: [told] }
    return joined(change, this.move(id, 'approval-withdrawn', 'a person took its approval back', now))
  }

  /** A person wants the disk of a machine written once more, that this box has written before. */
  reinstall(id: string, now: number): RosterChange {
    const machine = this.#machines.get(id)
    if (machine?.install === undefined) return noChange
    const changed: Machine = { ...machine, install: { ...machine.install, again: 'reinstall' } }
    this.#keep(changed)
    const told: ApplianceEvent = { kind: 'reinstall-asked', ...aboutMachine(machine) }
    const change: RosterChange = { machines: [changed], attempts: [], happened: [told] }
    return joined(change, this.move(id, 'reinstall-asked', 'a person wants it installed again', now))
  }

  /** A machine asks by a card that stands so: its record and its state follow. */
  stands(id: string, mac: Mac, standing: Standing, now: number): RosterChange {
    const isByPerson = this.#machines.get(id)?.approval?.by === 'person'
    const ruled = isByPerson ? noChange : this.#ruled(id, mac, standing, now)
    if (standing.kind === 'approved') {
      return joined(ruled, this.move(id, 'approved', standing.because, now))
    }
    // Its other cards are approved still.
    if (isByPerson) return noChange
    return joined(ruled, this.move(id, 'approval-withdrawn', 'the settings no longer approve it', now))
  }

  /** Notes that a machine asked for a file by TFTP, a part of it or the whole. */
  fetched(mac: Mac, got: 'part' | 'whole'): RosterChange {
    const machine = this.byMac(mac)
    if (machine?.proxy === undefined) return noChange
    const proxy = heardFetching(machine.proxy, mac, got)
    if (proxy === machine.proxy) return noChange
    const changed: Machine = { ...machine, proxy }
    this.#keep(changed)
    const { strategy } = proxy
    const isNews = proxy.worked && !machine.proxy.worked
    return {
      ...noChange,
      machines: [changed],
      happened: isNews ? [{ kind: 'proxy-strategy-worked', mac, strategy }] : [],
    }
  }

  /** Gives a machine the name that a person wrote for it, or takes it away again. */
  rename(id: string, hostname: string | undefined): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined || machine.hostname === hostname) return noChange
    const renamed: Machine = { ...machine, hostname }
    this.#keep(renamed)
    return { ...noChange, machines: [renamed] }
  }

  /** Moves a machine along the table of its life; a trigger the table does not know there changes nothing. */
  move(id: string, trigger: Trigger, because: string, now: number): RosterChange {
    const machine = this.#machines.get(id)
    const step = machine === undefined ? undefined : transition(machine.state, trigger)
    if (machine === undefined || step?.kind !== 'moved') return noChange
    if (step.to === machine.state) {
      // Its time runs on: a machine that fetches its script over and over is to be called failed at last.
      const again: Machine = { ...machine, stateBecause: because }
      this.#keep(again)
      return { ...noChange, machines: [again] }
    }
    const failures =
      step.to === 'failed' ? machine.failures + 1 : endedWell.has(step.to) ? 0 : machine.failures
    const reached = this.#latest.get(id)?.stage
    const moved: Machine = {
      ...withFailure(afterTrigger(machine, trigger, now), step.to, trigger, reached),
      ...(trigger === 'cloud-init-finished' ? doneUnder(machine, now) : {}),
      state: step.to,
      stateBecause: because,
      stateSince: now,
      failures: trigger === 'retry-asked' || trigger === 'reinstall-asked' ? 0 : failures,
    }
    this.#keep(moved)
    const told: ApplianceEvent = {
      kind: 'machine-state-changed',
      ...aboutMachine(moved),
      from: machine.state,
      to: step.to,
      because,
      ...(step.to === 'failed' && moved.failure !== undefined ? { cause: moved.failure } : {}),
    }
    const change: RosterChange = { machines: [moved], attempts: [], happened: [told] }
    if (step.to !== 'failed' || moved.failures < failuresBeforeQuarantine) return change
    const why = `${moved.failures} attempts in a row failed, the last because: ${because}`
    return joined(change, this.move(id, 'failed-too-often', why, now))
  }

  /** Notes how far an attempt has come. */
  advance(id: string, stage: AttemptStage, now: number): RosterChange {
    const found = this.byAttempt(id)
    if (found === undefined || found.attempt.endedAt !== undefined) return noChange
    const change = this.#changed(advanced(found.attempt, stage, now))
    return startsBoot(stage) ? change : joined(change, this.forgetRounds(found.machine.id))
  }

  /** A machine got somewhere, or a person says that its boots so far count for nothing. */
  forgetRounds(id: string): RosterChange {
    const machine = this.#machines.get(id)
    if (machine?.rounds === undefined) return noChange
    const changed = withoutRounds(machine)
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** A person wants this of the next boot of a machine; `undefined` takes it back. */
  bootNext(id: string, action: BootNextAction | undefined, now: number): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined) return noChange
    const { bootNext: before, ...rest } = machine
    const isPending = before !== undefined && before.used === undefined
    if (action === undefined && before === undefined) return noChange
    const changed: Machine = action === undefined ? rest : { ...rest, bootNext: { action, askedAt: now } }
    this.#keep(changed)
    const about = aboutMachine(machine)
    const told: readonly ApplianceEvent[] =
      action === undefined
        ? isPending
          ? [{ kind: 'boot-next-dropped', ...about, action: before.action }]
          : []
        : [{ kind: 'boot-next-asked', ...about, action }]
    return { ...noChange, machines: [changed], happened: told }
  }

  /** What a person wanted of a boot is done in this one; or it was done in one that is over. */
  usedBootNext(id: string, boot: ThisBoot): RosterChange {
    const machine = this.#machines.get(id)
    if (machine?.bootNext === undefined) return noChange
    const { bootNext, ...rest } = machine
    if (bootNext.used === undefined) {
      const changed: Machine = { ...rest, bootNext: { ...bootNext, used: boot } }
      this.#keep(changed)
      const told: ApplianceEvent = {
        kind: 'boot-next-used',
        ...aboutMachine(machine),
        attempt: boot.attempt,
        action: bootNext.action,
      }
      return { ...noChange, machines: [changed], happened: [told] }
    }
    if (dueIn(bootNext, boot) !== undefined) return noChange
    this.#keep(rest)
    return { ...noChange, machines: [rest] }
  }

  /** A boot of a machine is to write its disk. */
  beginsInstall(
    id: string,
    { attempt, by }: Pick<DiskInstall, 'attempt' | 'by'>,
    chance: Chance,
  ): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined) return noChange
    const install = beginInstall(machine.install, {
      id: nonce(chance),
      attempt,
      ...(by === undefined ? {} : { by }),
    })
    return install === machine.install ? noChange : this.#withInstall(machine, install)
  }

  /** A system in the memory of a machine tells what that is made of. */
  takesInventory(id: string, { disks, cards, ...rest }: Inventory, now: number): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined) return noChange
    const changed: Machine = {
      ...machine,
      disks: { at: now, seen: disks.slice(0, disksKept) },
      hardware: { ...rest, cards: cards.slice(0, cardsKept), at: now },
    }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** The install of a machine has come further. */
  advancesInstall(id: string, change: Partial<Pick<DiskInstall, 'phase' | 'image' | 'disk'>>): RosterChange {
    const machine = this.#machines.get(id)
    if (machine?.install === undefined) return noChange
    return this.#withInstall(machine, { ...machine.install, ...change })
  }

  #withInstall(machine: Machine, install: DiskInstall): RosterChange {
    if (machine.install !== undefined) this.#byInstall.delete(machine.install.id)
    const changed: Machine = { ...machine, install }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** A system that has no boot of its own on record, as one on a disk, was heard of: its time limit begins anew. */
  heardOf(id: string, now: number): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined) return noChange
    this.#fetchedAt.set(id, now)
    const changed: Machine = { ...machine, lastSeenAt: now }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** Notes that a file of an attempt is on its way, or waits for its turn: the time limit of its machine begins anew. */
  fetching(id: string, now: number): RosterChange {
    const found = this.byAttempt(id)
    if (found === undefined || found.attempt.endedAt !== undefined) return noChange
    this.#fetchedAt.set(found.machine.id, now)
    return this.#changed(advanced(found.attempt, found.attempt.stage, now))
  }

  /** Ends an attempt; one that has ended stays as it is. */
  end(id: string, result: AttemptResult, because: string, now: number): RosterChange {
    const found = this.byAttempt(id)
    if (found === undefined || found.attempt.endedAt !== undefined) return noChange
    const ended: Attempt = { ...found.attempt, lastSeenAt: now, endedAt: now, result }
    const told: ApplianceEvent = {
      kind: 'attempt-ended',
      ...aboutMachine(found.machine),
      attempt: id,
      result,
      because,
    }
    return { ...this.#changed(ended), happened: [told] }
  }

  /** A machine that is let go has come further. */
  releases(id: string, release: Release): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined) return noChange
    const changed: Machine = { ...machine, release }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** A machine has come further on its way into a cluster; `undefined`, it is on none any more. */
  joins(id: string, join: Join | undefined): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined) return noChange
    const { join: _, ...rest } = machine
    const changed: Machine = join === undefined ? rest : { ...rest, join }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** Calls every machine failed whose state has lasted longer than it may. */
  passTimeLimits(now: number): RosterChange {
    let change = this.#tellSwept(now)
    for (const machine of this.#machines.values()) {
      const limit = timeLimitMs[machine.state]
      const since = Math.max(machine.stateSince, this.#fetchedAt.get(machine.id) ?? 0)
      if (limit === undefined || now - since <= limit) continue
      const reached = this.#latest.get(machine.id)
      const because = `${machine.state} for more than ${Math.round(limit / 60_000)} minutes; ${progressOf(machine, reached)}`
      change = joined(change, this.move(machine.id, 'time-limit-passed', because, now))
      if (reached !== undefined) change = joined(change, this.end(reached.id, 'failed', because, now))
    }
    return change
  }

  #hasRoom(): boolean {
    return this.#machines.size < machineLimit && this.#sightings.size < this.#sightingsKept
  }

  /** Forgets machines that were only seen, as many as are too many, before one more is recorded. */
  #makeRoom(now: number): RosterChange {
    const forgotten: string[] = []
    while (this.#sightings.size >= this.#sightingsKept) {
      const id = this.#sightings.first((one) => !this.#isAtItsScript(one, now))
      if (id === undefined) break
      this.#forget(id)
      forgotten.push(id)
    }
    if (forgotten.length === 0) return noChange
    this.#swept = { ...this.#swept, count: this.#swept.count + forgotten.length }
    return joined({ ...noChange, forgotten }, this.#tellSwept(now))
  }

  /** In a boot that has come to its script. What was only heard by DHCP is no boot yet: anybody can send that. */
  #isAtItsScript(id: string, now: number): boolean {
    const attempt = this.#latest.get(id)
    if (attempt === undefined || attempt.endedAt !== undefined) return false
    return (
      now - attempt.lastSeenAt <= attemptIdleMs && attempt.stage !== 'firmware' && attempt.stage !== 'ipxe'
    )
  }

  #tellSwept(now: number): RosterChange {
    const { count, toldAt } = this.#swept
    if (count === 0 || now - toldAt < sweptToldEveryMs) return noChange
    this.#swept = { count: 0, toldAt: now }
    return { ...noChange, happened: [{ kind: 'sightings-swept', count, kept: this.#sightingsKept }] }
  }

  #forget(id: string): void {
    const machine = this.#machines.get(id)
    if (machine === undefined) return
    for (const mac of machine.macs) if (this.#byMac.get(mac) === id) this.#byMac.delete(mac)
    if (machine.uuid !== undefined && this.#byUuid.get(machine.uuid) === id) this.#byUuid.delete(machine.uuid)
    if (machine.claim !== undefined) this.#byClaim.delete(machine.claim)
    this.#byAttempt.delete(this.#latest.get(id)?.id ?? '')
    for (const map of [this.#machines, this.#latest, this.#fetchedAt, this.#clashes]) map.delete(id)
    this.#sightings.forget(id)
  }

  #ruled(id: string, mac: Mac, { kind }: Standing, now: number): RosterChange {
    const machine = this.#machines.get(id)
    if (machine === undefined) return noChange
    const verdict = kind === 'approved' ? 'allowed' : 'not-allowed'
    const approval = underRule(machine.approval, mac, verdict, now)
    if (approval === machine.approval) return noChange
    const changed = withApproval(machine, approval)
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  #recognise(sighting: Sighting, now: number): Recognition {
    return recognise(sighting, {
      byMac: (mac) => this.byMac(mac),
      byUuid: (uuid) => this.byUuid(uuid),
      isRunning: ({ id }) => isRunning(this.#latest.get(id), now),
    })
  }

  #follow(
    machine: Machine,
    sign: Sign,
    following: Following,
    { now, chance }: { readonly now: number; readonly chance: Chance },
  ): RosterChange {
    switch (following.kind) {
      case 'none':
        return noChange
      case 'same':
        return this.#changed(following.attempt)
      case 'begins': {
        const { replaces } = following
        const over = replaces === undefined ? noChange : this.#abandon(replaces, now)
        const attempt = newAttempt(machine.id, sign, now, chance)
        this.#keepAttempt(attempt)
        const told: ApplianceEvent = {
          kind: 'attempt-started',
          mac: sign.sighting.mac,
          attempt: attempt.id,
          because: sign.because,
        }
        return joined(over, { machines: [], attempts: [attempt], happened: [told] })
      }
    }
  }

  #abandon({ id, machine, stage }: Attempt, now: number): RosterChange {
    const because = `the machine started again after it had come as far as: ${stage}`
    const moved = this.move(machine, 'boot-abandoned', because, now)
    const happened = moved.happened.map((event) => ({ ...event, attempt: id }))
    return joined(this.end(id, 'abandoned', because, now), { ...moved, happened })
  }

  /** What one boot has shown is forgotten with the next. */
  #withShown(machine: Machine, { sign, following }: Asked): Machine {
    if (!startsBoot(sign.stage)) return machine
    const before = following.kind === 'begins' ? undefined : machine.shown
    const { network, sighting } = sign
    const shown = shownAfter(before, sighting, machine, {
      network,
      alsoOf: this.#otherWith(sighting.uuid, machine.id),
    })
    return { ...machine, shown }
  }

  /** Another record that has this UUID. */
  #otherWith(uuid: Uuid | undefined, id: string): string | undefined {
    const found = byEitherUuid(uuid, this)?.id
    return found === id ? undefined : found
  }

  /** Who compares its code says that the board which it shows is its own, be it a new one. */
  #withBoardShown(machine: Machine): Machine {
    const { shown } = machine
    if (shown === undefined) return machine
    const { uuid = machine.uuid, serial = machine.serial } = shown
    const isUsual = uuid === undefined || isSameUuid(uuid, machine.uuid)
    if (isUsual || this.#otherWith(uuid, machine.id) !== undefined) return { ...machine, serial }
    if (machine.uuid !== undefined && this.#byUuid.get(machine.uuid) === machine.id)
      this.#byUuid.delete(machine.uuid)
    return { ...machine, uuid, serial }
  }

  /** The same clash is told once in each boot, not with every packet of it. */
  #isNews(machine: Machine, clash: string): boolean {
    const told = `${this.#latest.get(machine.id)?.id} ${clash}`
    if (this.#clashes.get(machine.id) === told) return false
    this.#clashes.set(machine.id, told)
    return true
  }

  #changed(attempt: Attempt): RosterChange {
    this.#keepAttempt(attempt)
    return { machines: [], attempts: [attempt], happened: [] }
  }

  #keep(machine: Machine): void {
    this.#machines.set(machine.id, machine)
    this.#sightings.note(machine)
    for (const mac of machine.macs) this.#byMac.set(mac, machine.id)
    if (machine.claim !== undefined) this.#byClaim.set(machine.claim, machine.id)
    if (machine.install !== undefined) this.#byInstall.set(machine.install.id, machine.id)
    if (machine.uuid !== undefined && this.byUuid(machine.uuid) === undefined) {
      this.#byUuid.set(machine.uuid, machine.id)
    }
  }

  #keepAttempt(attempt: Attempt): void {
    const before = this.#latest.get(attempt.machine)
    if (before !== undefined && before.id !== attempt.id) this.#byAttempt.delete(before.id)
    this.#latest.set(attempt.machine, attempt)
    this.#byAttempt.set(attempt.id, attempt.machine)
    this.#sightings.reached(attempt.machine, attempt.stage)
  }

  #withClaim(machine: Machine, chance: Chance): Machine {
    if (machine.claim !== undefined) return machine
    for (;;) {
      const claim = claimCode(chance)
      if (!this.#byClaim.has(claim)) return { ...machine, claim }
    }
  }

  #freshId(chance: Chance): string {
    for (;;) {
      const id = base32(chance(8))
      if (!this.#machines.has(id)) return id
    }
  }
}

export const noChange: RosterChange = { machines: [], attempts: [], happened: [] }

/** One change after another; of a record that both touch, the later form counts. */
export function joined(...changes: readonly RosterChange[]): RosterChange {
  const forgotten = changes.flatMap((change) => change.forgotten ?? [])
  const change: RosterChange = {
    machines: [...new Map(changes.flatMap((c) => c.machines).map((m) => [m.id, m])).values()],
    attempts: [...new Map(changes.flatMap((c) => c.attempts).map((a) => [a.id, a])).values()],
    happened: changes.flatMap(({ happened }) => happened),
  }
  return forgotten.length === 0 ? change : { ...change, forgotten }
}

function newMachine(id: string, sighting: Sighting, now: number): Machine {
  return {
    id,
    macs: [],
    uuid: undefined,
    serial: undefined,
    manufacturer: undefined,
    product: undefined,
    hostname: undefined,
    architecture: undefined,
    firmware: undefined,
    state: 'discovered',
    stateBecause: `seen for the first time, as ${seenAs(sighting)}`,
    stateSince: now,
    discoveredAt: now,
    lastSeenAt: now,
    failures: 0,
  }
}

/** Cards one record may have; made-up ones with a copied UUID end here. */
const macLimit = 32

function withSighting(machine: Machine, sighting: Sighting, now: number): Machine {
  const knows = machine.macs.includes(sighting.mac) || machine.macs.length >= macLimit
  return {
    ...machine,
    macs: knows ? machine.macs : [...machine.macs, sighting.mac],
    uuid: machine.uuid ?? tellingUuid(sighting),
    serial: machine.serial ?? sighting.serial,
    manufacturer: sighting.manufacturer ?? machine.manufacturer,
    product: sighting.product ?? machine.product,
    architecture: sighting.architecture ?? machine.architecture,
    firmware: sighting.firmware ?? machine.firmware,
    lastSeenAt: now,
  }
}

/** Who has come to iPXE or to its script has loaded what its firmware was offered. */
function withLadder(machine: Machine, { sighting, stage, proxy }: Sign): Machine {
  const ladder = proxy ?? machine.proxy
  if (ladder === undefined) return machine
  const after = stage === 'firmware' ? ladder : heardFetching(ladder, sighting.mac, 'part')
  return { ...machine, proxy: after }
}

/** A script of its own is what an iPXE without HTTP never came to. */
function withChained(machine: Machine, { stage, chained }: Sign): Machine {
  if (chained !== undefined) return { ...machine, chained }
  if (stage !== 'script' || machine.chained === undefined) return machine
  const { chained: _, ...rest } = machine
  return rest
}

type Asked = {
  readonly sign: Sign
  readonly following: Following
  readonly latest: Attempt | undefined
  readonly now: number
}

/** Counts the boots that led nowhere; a kernel that was fetched, or a system that asks for an address, is somewhere. */
function withRounds(machine: Machine, { sign, following, latest, now }: Asked): Machine {
  if (!startsBoot(sign.stage)) return withoutRounds(machine)
  const { mac, architecture } = sign.sighting
  if (following.kind === 'begins') {
    const way = sign.stage === 'script' ? undefined : `${mac} ${architecture ?? sign.stage}`
    return { ...machine, rounds: comesBy(machine.rounds, way, now) }
  }
  // The same boot asks for its script once more.
  if (sign.stage !== 'script' || latest?.stage !== 'script') return machine
  return { ...machine, rounds: comesBy(machine.rounds, undefined, now) }
}

/** States in which failures before count no more. */
const endedWell: ReadonlySet<MachineState> = new Set(['installed', 'active'])

function progressOf({ state, stateBecause, join }: Machine, reached: Attempt | undefined): string {
  if (state === 'installing') return `the boot came as far as: ${reached?.stage ?? 'nothing'}`
  return `last came: ${state === 'joining' ? (join?.because ?? stateBecause) : stateBecause}`
}

function afterTrigger(machine: Machine, trigger: Trigger, now: number): Machine {
  if (trigger === 'two-claim-it') return { ...machine, claimedTwiceAt: now }
  if (trigger === 'retry-asked') return retried(machine)
  // Its disk is the box's to write again: it holds what this box wrote there.
  if (trigger === 'released' || trigger === 'retired') {
    const left = mayBeWritten(withoutJoin(withoutRelease(machine)))
    return trigger === 'retired' ? withoutClaim(left) : left
  }
  if (trigger === 'release-stopped') return withoutRelease(machine)
  if (trigger === 'reinstall-asked') return withoutRounds(withoutJoin(machine))
  return trigger === 'node-gone' ? withoutJoin(machine) : machine
}

/** What was taken out of use may have been in anybody's hands when it comes back. */
function withoutClaim(machine: Machine): Machine {
  if (machine.approval === undefined) return machine
  const { claim: _, claimedAt: __, ...approval } = machine.approval
  return { ...machine, approval }
}

function withoutRelease(machine: Machine): Machine {
  const { release: _, ...rest } = machine
  return rest
}

function withoutJoin(machine: Machine): Machine {
  const { join: _, ...rest } = machine
  return rest
}

function mayBeWritten(machine: Machine): Machine {
  const { install } = machine
  return install === undefined ? machine : { ...machine, install: { ...install, phase: 'begun' } }
}

/** For another try the boots so far count for nothing, and a disk that was written may be written again. */
function retried(machine: Machine): Machine {
  const { install } = machine
  const fresh = withoutRounds(machine)
  return install?.phase === 'written' ? { ...fresh, install: { ...install, phase: 'begun' } } : fresh
}

function withoutRounds(machine: Machine): Machine {
  if (machine.rounds === undefined) return machine
  const { rounds: _, ...rest } = machine
  return rest
}

/** Told once, when it is so. */
function roundEvents(mac: Mac, before: Machine, { rounds }: Machine): readonly ApplianceEvent[] {
  if (!goesRound(rounds) || goesRound(before.rounds)) return []
  const seconds = Math.round((rounds.latest - rounds.since) / 1_000)
  return [{ kind: 'machine-goes-round', mac, boots: rounds.count, seconds }]
}

/** What is left of a record whose card another board has: the card takes no approval along, and leaves none for its return. */
function leftBy(machine: Machine, mac: Mac): Machine {
  const left = { ...machine, macs: machine.macs.filter((one) => one !== mac) }
  return withApproval(left, machine.approval === undefined ? undefined : withoutCard(machine.approval, mac))
}

function withApproval(machine: Machine, approval: Approval | undefined): Machine {
  if (approval !== undefined) return { ...machine, approval }
  const { approval: _, ...rest } = machine
  return rest
}

/** A cause stays for as long as its machine is failed or quarantined by it. */
function withFailure(
  machine: Machine,
  to: MachineState,
  trigger: Trigger,
  reached: AttemptStage | undefined,
): Machine {
  if (to === 'failed') return { ...machine, failure: failureCauseOf(trigger, machine, reached) }
  if (to === 'quarantined' || machine.failure === undefined) return machine
  const { failure: _, ...rest } = machine
  return rest
}

/** The first boot that ends well under an approval is the one it counts as done by. */
function doneUnder({ approval, install }: Machine, now: number): Pick<Machine, 'approval'> {
  if (approval === undefined || approval.doneAt !== undefined) return {}
  // What has ended was begun under an approval before this one.
  if (install?.again === 'approved') return {}
  return { approval: { ...approval, doneAt: now } }
}

/** What an approval leaves as it was: the disk, and that its code was compared, for the cards it was compared for. */
function keptOf(machine: Machine, now: number): Pick<Approval, 'doneAt' | 'claim' | 'claimedAt'> {
  const { approval, claimedTwiceAt, macs } = machine
  const claimedAt = comparedAt(machine)
  const doneAt = approval?.doneAt ?? now
  const isForAll = macs.every((mac) => approval?.macs.includes(mac))
  const isDoubted = claimedAt === undefined || (claimedTwiceAt !== undefined && claimedTwiceAt >= claimedAt)
  return isDoubted || !isForAll ? { doneAt } : { doneAt, claim: 'compared', claimedAt }
}

/** One that is to be written by the words of the approval from before, or was, is written again. */
function withInstallAgain(machine: Machine): Machine {
  const { install } = machine
  if (install === undefined || install.phase === 'begun') return machine
  return { ...machine, install: { ...install, again: 'approved' } }
}

function withoutInstallAgain(machine: Machine): Machine {
  if (machine.install?.again === undefined) return machine
  const { again: _, ...install } = machine.install
  return { ...machine, install }
}

/** A UUID that the board's maker left unwritten is none; a card or iPXE may still show the right one. */
function tellingUuid({ uuid }: Sighting): Uuid | undefined {
  return uuid !== undefined && namesOneMachine(uuid) ? uuid : undefined
}

function newAttempt(machine: string, { sighting, stage }: Sign, now: number, chance: Chance): Attempt {
  return {
    id: nonce(chance),
    machine,
    mac: sighting.mac,
    startedAt: now,
    lastSeenAt: now,
    stage,
    endedAt: undefined,
    result: undefined,
  }
}

/** 128 random bits in hexadecimal. */
function nonce(chance: Chance): string {
  return Array.from(chance(16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Crockford's alphabet: no I, L, O, U, so that it can be read aloud. */
function base32(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => '0123456789abcdefghjkmnpqrstvwxyz'[byte & 31]).join('')
}

function seenAs(sighting: Sighting): string {
  return [sighting.mac, sighting.uuid, sighting.serial].filter((part) => part !== undefined).join(', ')
}

function aboutMachine(machine: Machine): { mac?: Mac } {
  const mac = machine.macs[0]
  return mac === undefined ? {} : { mac }
}

function full(mac: Mac): ApplianceEvent {
  const because = 'as many machines are recorded already as may be by themselves; no more are'
  return { kind: 'packet-ignored', protocol: 'dhcp', mac, because }
}
