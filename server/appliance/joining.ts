import type { ApplianceEvent } from '../events/event.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { JoinRefusal } from '../machines/join-refusals.ts'
import type { JoinWish } from '../machines/join-wish.ts'
import type { Join } from '../machines/join.ts'
import { machineName } from '../machines/machine-name.ts'
import type { Machine } from '../machines/machine.ts'
import { joined, noChange, type RosterChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import type { Mac } from '../wire/mac.ts'
import type { Plans } from './plans.ts'

/** What bears on the way of any machine into a cluster. */
export type JoiningParts = {
  readonly roster: Roster
  readonly plans: Pick<Plans, 'joinOf'>
  readonly now: () => number
}

/** What a machine is to be in which cluster; none while it is not approved. */
export function wishOf(parts: JoiningParts, machine: Machine): JoinWish | undefined {
  const mac = cardOf(parts, machine)
  return mac === undefined ? undefined : parts.plans.joinOf(mac, machine)
}

/** The name of its Node. It stays what it was once: the card that it boots from may be another the next time. */
export function nodeNameOf(parts: JoiningParts, machine: Machine): string {
  const mac = cardOf(parts, machine)
  const made = mac === undefined ? machine.id : machineName(machine, mac)
  return machine.hostname ?? machine.join?.node ?? made
}

/** A machine on its way, from now on unless it was so before. */
export function wayOf(
  parts: JoiningParts,
  machine: Machine,
  { cluster, role }: JoinWish,
  phase: Join['phase'],
): Join {
  const { join: before } = machine
  const isSame = before?.phase === phase && before.cluster === cluster
  const since = isSame ? before.since : parts.now()
  const address = before?.cluster === cluster ? before.address : undefined
  const stood = address === undefined ? {} : { address }
  return { cluster, role, node: nodeNameOf(parts, machine), phase, since, ...stood }
}

/** A machine that does not fit its cluster as it is; nothing, where it is not on its way there. */
export function refusedBy(
  parts: JoiningParts,
  machine: Machine,
  wish: JoinWish,
  { refusal, because }: { readonly refusal: JoinRefusal; readonly because: string },
): RosterChange {
  const { roster, now } = parts
  const moved = roster.move(machine.id, 'join-asked', because, now())
  if (moved.machines.length === 0) return noChange
  const { cluster } = wish
  const isNews = machine.join?.refusal !== refusal || machine.join.because !== because
  const told: ApplianceEvent = {
    kind: 'join-refused',
    ...aboutMachine(machine),
    cluster,
    cause: refusal,
    because,
  }
  const way = { ...wayOf(parts, machine, wish, 'refused'), because, refusal }
  return joined(moved, roster.joins(machine.id, way), { ...noChange, happened: isNews ? [told] : [] })
}

/** The card that it booted from last. */
export function cardOf({ roster }: Pick<JoiningParts, 'roster'>, { id, macs }: Machine): Mac | undefined {
  const booted = roster.latestAttempt(id)?.mac
  return booted !== undefined && macs.includes(booted) ? booted : macs[0]
}
