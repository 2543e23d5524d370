import type { Generated } from 'kysely'
import type { AuditRow } from '../access/audit-chain.ts'
import type { Role } from '../access/role.ts'
import type { EventKind } from '../events/event.ts'
import type { AttemptResult, AttemptStage, MachineState } from '../machines/machine.ts'
import type { Lease } from '../networks/lease.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'

/** The tables as the queries see them. All times are milliseconds since 1970-01-01 UTC. */
export type Schema = {
  readonly meta: { readonly key: string; readonly value: string }
  readonly machines: MachineRow
  readonly machine_identities: IdentityRow
  readonly leases: LeaseRow
  readonly attempts: AttemptRow
  readonly events: EventRow
  readonly served_scripts: ServedScriptRow
  readonly clusters: ClusterRow
  readonly api_tokens: ApiTokenRow
  readonly enrolments: EnrolmentRow
  readonly audit: AuditRow
}

export type MachineRow = {
  readonly id: string
  readonly manufacturer: string | null
  readonly product: string | null
  readonly hostname: string | null
  readonly architecture: string | null
  readonly firmware: string | null
  readonly state: MachineState
  readonly state_because: string
  readonly state_since: number
  readonly discovered_at: number
  readonly last_seen_at: number
  readonly failures: number
  /** What was learnt of it, in JSON. */
  readonly learnt: string | null
  readonly claim: string | null
  /** In JSON. */
  readonly approval: string | null
}

/** By what a machine is known. Boards share serials and UUIDs, so none of them is unique here. */
export type IdentityRow = {
  readonly kind: 'mac' | 'uuid' | 'serial'
  readonly value: string
  readonly machine: string
  /** Keeps the order of its MACs. */
  readonly position: number
}

export type LeaseRow = {
  readonly network: string
  readonly address: Ipv4
  readonly mac: Mac
  readonly state: Lease['state']
  readonly since: number
  readonly ends_at: number
  readonly hostname: string | null
}

export type AttemptRow = {
  readonly id: string
  readonly machine: string
  readonly mac: string
  readonly started_at: number
  readonly last_seen_at: number
  readonly stage: AttemptStage
  readonly ended_at: number | null
  readonly result: AttemptResult | null
}

export type EventRow = {
  readonly id: Generated<number>
  readonly at: number
  readonly machine: string | null
  readonly attempt: string | null
  readonly kind: EventKind
  /** The event in JSON. */
  readonly body: string
}

/** What a machine was last given to boot by. */
export type ServedScriptRow = {
  readonly machine: string
  /** In JSON. */
  readonly body: string
}

export type ClusterRow = {
  readonly name: string
  /** What is no secret of it, in JSON. */
  readonly body: string
  /** Each secret as a key ring sealed it, in JSON. */
  readonly sealed: string
}

export type ApiTokenRow = {
  readonly id: string
  readonly name: string
  readonly role: Role
  /** SHA-256 of the token; the token itself is nowhere. */
  readonly hash: string
  readonly made_at: number
  readonly made_by: string
  readonly expires_at: number
  readonly last_used_at: number | null
  readonly revoked_at: number | null
}

/** By what key and credential a machine is known, without the credential itself. */
export type EnrolmentRow = {
  readonly machine: string
  /** In JSON. */
  readonly body: string
}
