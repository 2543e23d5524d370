import type { Mac } from '../wire/mac.ts'
import type { Uuid } from '../wire/uuid.ts'
import type { Approval } from './approval.ts'
import type { BoardShown } from './board-shown.ts'
import type { BootNext } from './boot-next.ts'
import type { Chained } from './chained.ts'
import type { DiskInstall } from './disk-install.ts'
import type { Disk, Hardware } from './inventory.ts'
import type { FailureCause } from './failure-causes.ts'
import type { Join } from './join.ts'
import type { ProxyLadder } from './proxy-ladder.ts'
import type { Release } from './release.ts'
import type { Rounds } from './rounds.ts'

/** One record, however the machine is seen. */
export type Machine = {
  /** Eight characters of Crockford's base 32, given once. */
  readonly id: string
  /** What its screen shows while it waits, so that a person can compare; absent in records of a time without, until it is seen. */
  readonly claim?: string
  readonly macs: readonly Mac[]
  readonly uuid: Uuid | undefined
  readonly serial: string | undefined
  readonly manufacturer: string | undefined
  readonly product: string | undefined
  readonly hostname: string | undefined
  readonly architecture: string | undefined
  readonly firmware: string | undefined
  readonly state: MachineState
  /** Why it is in that state, as a sentence. */
  readonly stateBecause: string
  /** Milliseconds since 1970-01-01 UTC. */
  readonly stateSince: number
  readonly discoveredAt: number
  readonly lastSeenAt: number
  /** Failed attempts since the last that succeeded. */
  readonly failures: number
  /** Why its latest boot failed; absent unless it is failed, or quarantined by that. */
  readonly failure?: FailureCause
  /** Who lets it have what the box gives, and what it is to have; absent, nobody does. */
  readonly approval?: Approval
  /** What its latest boot from the network has shown of its board; absent, none was seen. */
  readonly shown?: BoardShown
  /** When two systems last claimed to be it; absent, they never did. */
  readonly claimedTwiceAt?: number
  /** How its firmware takes what it is told in mode `proxy`; absent, nothing was learnt of it. */
  readonly proxy?: ProxyLadder
  /** Its boots that led nowhere, one after another; absent, the last one led somewhere. */
  readonly rounds?: Rounds
  /** How often its iPXE, which has no HTTP, was given another; absent, it has fetched its script since. */
  readonly chained?: Chained
  /** What a person wants of its next boot; absent, what the settings say. */
  readonly bootNext?: BootNext
  /** The install on its own disk; absent, this box has begun none. */
  readonly install?: DiskInstall
  /** Its disks, as a system in its memory last told of them; absent, none has. */
  readonly disks?: { readonly at: number; readonly seen: readonly Disk[] }
  /** What it is made of beside them, as that system told; absent, none has. */
  readonly hardware?: Hardware & { readonly at: number }
  /** Its way into a cluster; absent, it has asked for none. */
  readonly join?: Join
  /** That it is let go; absent unless it is being released. */
  readonly release?: Release
}

export type MachineState =
  | 'discovered'
  | 'approved'
  | 'installing'
  | 'installed'
  | 'joining'
  | 'active'
  | 'failed'
  | 'quarantined'
  | 'releasing'
  | 'retired'

/** One try to boot, from the firmware's first DISCOVER to its end. */
export type Attempt = {
  /** 128 random bits in hexadecimal: also the nonce in the URLs of its seed and reports. */
  readonly id: string
  readonly machine: string
  /** The network card it boots from: a machine has several. */
  readonly mac: Mac
  readonly startedAt: number
  readonly lastSeenAt: number
  /** How far it has come; it never goes back. */
  readonly stage: AttemptStage
  readonly endedAt: number | undefined
  readonly result: AttemptResult | undefined
}

/** In the order of a boot. */
export const attemptStages = [
  'firmware',
  'ipxe',
  'script',
  'kernel',
  'system',
  'cloud-init',
  'ended',
] as const
export type AttemptStage = (typeof attemptStages)[number]

/** `written`: the image is on the disk, and the system there is to start. */
export type AttemptResult = 'installed' | 'written' | 'local-disk' | 'failed' | 'abandoned'
