import type { ApplianceEvent } from '../events/event.ts'
import type { Mac } from '../wire/mac.ts'
import { namesOneMachine, type Uuid } from '../wire/uuid.ts'
import { startsBoot, type Following } from './attempt.ts'
import type { Chained } from './chained.ts'
import { nonce, type Chance } from './chance.ts'
import type { Sighting } from './identity.ts'
import type { Attempt, AttemptStage, Machine } from './machine.ts'
import { heardFetching, type ProxyLadder } from './proxy-ladder.ts'
import { comesBy, goesRound } from './rounds.ts'

// What becomes of a record when its machine is seen.

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

export type Asked = {
  readonly sign: Sign
  readonly following: Following
  readonly latest: Attempt | undefined
  readonly now: number
}

/** The record of a machine that nobody has seen before. */
export function newMachine(id: string, sighting: Sighting, now: number): Machine {
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

/** What is known stays; what is new, as another card, comes to it. */
export function withSighting(machine: Machine, sighting: Sighting, now: number): Machine {
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

/** A UUID that the board's maker left unwritten is none; a card or iPXE may still show the right one. */
function tellingUuid({ uuid }: Sighting): Uuid | undefined {
  return uuid !== undefined && namesOneMachine(uuid) ? uuid : undefined
}

/** Who has come to iPXE or to its script has loaded what its firmware was offered. */
export function withLadder(machine: Machine, { sighting, stage, proxy }: Sign): Machine {
  const ladder = proxy ?? machine.proxy
  if (ladder === undefined) return machine
  const after = stage === 'firmware' ? ladder : heardFetching(ladder, sighting.mac, 'part')
  return { ...machine, proxy: after }
}

/** A script of its own is what an iPXE without HTTP never came to. */
export function withChained(machine: Machine, { stage, chained }: Sign): Machine {
  if (chained !== undefined) return { ...machine, chained }
  if (stage !== 'script' || machine.chained === undefined) return machine
  const { chained: _, ...rest } = machine
  return rest
}

/** Counts the boots that led nowhere; a kernel that was fetched, or a system that asks for an address, is somewhere. */
export function withRounds(machine: Machine, { sign, following, latest, now }: Asked): Machine {
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

/** For a machine that got somewhere. */
export function withoutRounds(machine: Machine): Machine {
  if (machine.rounds === undefined) return machine
  const { rounds: _, ...rest } = machine
  return rest
}

/** Told once, when it is so. */
export function roundEvents(mac: Mac, before: Machine, { rounds }: Machine): readonly ApplianceEvent[] {
  if (!goesRound(rounds) || goesRound(before.rounds)) return []
  const seconds = Math.round((rounds.latest - rounds.since) / 1_000)
  return [{ kind: 'machine-goes-round', mac, boots: rounds.count, seconds }]
}

/** A boot that begins with this sign. */
export function newAttempt(machine: string, { sighting, stage }: Sign, now: number, chance: Chance): Attempt {
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

/** All that a machine has shown of itself, in words. */
export function seenAs(sighting: Sighting): string {
  return [sighting.mac, sighting.uuid, sighting.serial].filter((part) => part !== undefined).join(', ')
}
