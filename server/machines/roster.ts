import type { ApplianceEvent } from '../events/event.ts'
import type { Mac } from '../wire/mac.ts'
import type { Uuid } from '../wire/uuid.ts'
import { aboutMachine } from './about-machine.ts'
import { underRule, type Approval, type ApprovalWishes, type Standing } from './approval.ts'
import { keptOf, leftBy, withApproval, withInstallAgain, withoutInstallAgain } from './approved-machine.ts'
import { advanced, attemptIdleMs, follow, isRunning, startsBoot, type Following } from './attempt.ts'
import { isSameUuid, shownAfter } from './board-shown.ts'
import { dueIn, type BootNextAction, type ThisBoot } from './boot-next.ts'
import { base32, nonce, type Chance } from './chance.ts'
import { claimCode } from './claim-code.ts'
import { beginInstall, type DiskInstall } from './disk-install.ts'
import { byEitherUuid, recognise, type Recognition, type Sighting } from './identity.ts'
import type { Inventory } from './inventory.ts'
import type { Join } from './join.ts'
import { failuresBeforeQuarantine, timeLimitMs, transition, type Trigger } from './lifecycle.ts'
import type { Attempt, AttemptResult, AttemptStage, Machine } from './machine.ts'
import { afterTrigger, doneUnder, endedWell, progressOf, withFailure } from './moved-machine.ts'
import { heardFetching } from './proxy-ladder.ts'
import { RosterIndex } from './roster-index.ts'
import type { Release } from './release.ts'
import { joined, noChange, type RosterChange } from './roster-change.ts'
import {
  newAttempt,
  newMachine,
  roundEvents,
  seenAs,
  withChained,
  withLadder,
  withoutRounds,
  withRounds,
  withSighting,
  type Asked,
  type Sign,
} from './seen-machine.ts'
import { Sightings } from './sightings.ts'

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
export class Roster extends RosterIndex {
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
    super()
    this.#sightingsKept = limits.sightings
    for (const machine of machines) this.#keep(machine)
    for (const attempt of attempts) this.#keepAttempt(attempt)
    const bySilence = this.all().toSorted((a, b) => a.lastSeenAt - b.lastSeenAt)
    for (const machine of bySilence) this.#sightings.note(machine)
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
    const leaves = recognition.kind === 'new' ? this.byId(recognition.leaves?.id ?? '') : undefined
    const left = leaves === undefined ? [] : [leftBy(leaves, sighting.mac)]
    const latest = this.latestAttempt(before.id)
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
    const machine = this.byId(id)
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
    const machine = this.byId(id)
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
    const machine = this.byId(id)
    if (machine?.install === undefined) return noChange
    const changed: Machine = { ...machine, install: { ...machine.install, again: 'reinstall' } }
    this.#keep(changed)
    const told: ApplianceEvent = { kind: 'reinstall-asked', ...aboutMachine(machine) }
    const change: RosterChange = { machines: [changed], attempts: [], happened: [told] }
    return joined(change, this.move(id, 'reinstall-asked', 'a person wants it installed again', now))
  }

  /** A machine asks by a card that stands so: its record and its state follow. */
  stands(id: string, mac: Mac, standing: Standing, now: number): RosterChange {
    const isByPerson = this.byId(id)?.approval?.by === 'person'
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
    const machine = this.byId(id)
    if (machine === undefined || machine.hostname === hostname) return noChange
    const renamed: Machine = { ...machine, hostname }
    this.#keep(renamed)
    return { ...noChange, machines: [renamed] }
  }

  /** Moves a machine along the table of its life; a trigger the table does not know there changes nothing. */
  move(id: string, trigger: Trigger, because: string, now: number): RosterChange {
    const machine = this.byId(id)
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
    const reached = this.latestAttempt(id)?.stage
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
    const machine = this.byId(id)
    if (machine?.rounds === undefined) return noChange
    const changed = withoutRounds(machine)
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** A person wants this of the next boot of a machine; `undefined` takes it back. */
  bootNext(id: string, action: BootNextAction | undefined, now: number): RosterChange {
    const machine = this.byId(id)
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
    const machine = this.byId(id)
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
    const machine = this.byId(id)
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
    const machine = this.byId(id)
    if (machine === undefined) return noChange
    const changed: Machine = {
      ...machine,
      disks: { at: now, seen: disks.slice(0, disksKept) },
      hardware: { ...rest, cards: cards.slice(0, cardsKept), at: now },
    }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /**
   * The system on its disk is up, whatever its machine has come to meanwhile: what its approval let be done once, as writing over
   * data, has been done.
   */
  finishesInstall(id: string, now: number): RosterChange {
    const machine = this.byId(id)
    if (machine?.install === undefined) return noChange
    const changed: Machine = { ...machine, ...doneUnder(machine, now) }
    return this.#withInstall(changed, { ...machine.install, phase: 'installed' })
  }

  /** The install of a machine has come further. */
  advancesInstall(id: string, change: Partial<Pick<DiskInstall, 'phase' | 'image' | 'disk'>>): RosterChange {
    const machine = this.byId(id)
    if (machine?.install === undefined) return noChange
    return this.#withInstall(machine, { ...machine.install, ...change })
  }

  #withInstall(machine: Machine, install: DiskInstall): RosterChange {
    const changed: Machine = { ...machine, install }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** A system that has no boot of its own on record, as one on a disk, was heard of: its time limit begins anew. */
  heardOf(id: string, now: number): RosterChange {
    const machine = this.byId(id)
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
    const machine = this.byId(id)
    if (machine === undefined) return noChange
    const changed: Machine = { ...machine, release }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** A machine has come further on its way into a cluster; `undefined`, it is on none any more. */
  joins(id: string, join: Join | undefined): RosterChange {
    const machine = this.byId(id)
    if (machine === undefined) return noChange
    const { join: _, ...rest } = machine
    const changed: Machine = join === undefined ? rest : { ...rest, join }
    this.#keep(changed)
    return { ...noChange, machines: [changed] }
  }

  /** Calls every machine failed whose state has lasted longer than it may. */
  passTimeLimits(now: number): RosterChange {
    let change = this.#tellSwept(now)
    for (const machine of this.all()) {
      const limit = timeLimitMs[machine.state]
      const since = Math.max(machine.stateSince, this.#fetchedAt.get(machine.id) ?? 0)
      if (limit === undefined || now - since <= limit) continue
      const reached = this.latestAttempt(machine.id)
      const because = `${machine.state} for more than ${Math.round(limit / 60_000)} minutes; ${progressOf(machine, reached)}`
      change = joined(change, this.move(machine.id, 'time-limit-passed', because, now))
      if (reached !== undefined) change = joined(change, this.end(reached.id, 'failed', because, now))
    }
    return change
  }

  #hasRoom(): boolean {
    return this.size < machineLimit && this.#sightings.size < this.#sightingsKept
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
    const attempt = this.latestAttempt(id)
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
    this.forget(id)
    this.#fetchedAt.delete(id)
    this.#clashes.delete(id)
    this.#sightings.forget(id)
  }

  #ruled(id: string, mac: Mac, { kind }: Standing, now: number): RosterChange {
    const machine = this.byId(id)
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
      isRunning: ({ id }) => isRunning(this.latestAttempt(id), now),
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
    return { ...machine, uuid, serial }
  }

  /** The same clash is told once in each boot, not with every packet of it. */
  #isNews(machine: Machine, clash: string): boolean {
    const told = `${this.latestAttempt(machine.id)?.id} ${clash}`
    if (this.#clashes.get(machine.id) === told) return false
    this.#clashes.set(machine.id, told)
    return true
  }

  #changed(attempt: Attempt): RosterChange {
    this.#keepAttempt(attempt)
    return { machines: [], attempts: [attempt], happened: [] }
  }

  #keep(machine: Machine): void {
    this.keep(machine)
    this.#sightings.note(machine)
  }

  #keepAttempt(attempt: Attempt): void {
    this.keepAttempt(attempt)
    this.#sightings.reached(attempt.machine, attempt.stage)
  }

  #withClaim(machine: Machine, chance: Chance): Machine {
    if (machine.claim !== undefined) return machine
    for (;;) {
      const claim = claimCode(chance)
      if (!this.hasClaim(claim)) return { ...machine, claim }
    }
  }

  #freshId(chance: Chance): string {
    for (;;) {
      const id = base32(chance(8))
      if (this.byId(id) === undefined) return id
    }
  }
}

function full(mac: Mac): ApplianceEvent {
  const because = 'as many machines are recorded already as may be by themselves; no more are'
  return { kind: 'packet-ignored', protocol: 'dhcp', mac, because }
}
