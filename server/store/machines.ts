import type { Kysely } from 'kysely'
import type { Approval } from '../machines/approval.ts'
import type { Machine } from '../machines/machine.ts'
import type { Mac } from '../wire/mac.ts'
import type { Uuid } from '../wire/uuid.ts'
import type { IdentityRow, MachineRow, Schema } from './schema.ts'
import { upsertInto } from './upsert.ts'
import type { SqlValue, Statement } from './write.ts'

/** The machines and all that they are known by. */
export class MachineRecords {
  readonly #db: Kysely<Schema>
  readonly #upsert: (rows: readonly MachineRow[]) => readonly Statement[]
  readonly #upsertIdentities: (rows: readonly IdentityRow[]) => readonly Statement[]
  readonly #forgetIdentities: string
  readonly #forget: string

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#upsert = upsertInto(db, 'machines', machineColumns, ['id'])
    const columns = ['kind', 'value', 'machine', 'position'] as const
    this.#upsertIdentities = upsertInto(db, 'machine_identities', columns, ['kind', 'value', 'machine'])
    this.#forgetIdentities = db.deleteFrom('machine_identities').where('machine', '=', '').compile().sql
    // Its attempts and all that it is known by go with it.
    this.#forget = db.deleteFrom('machines').where('id', '=', '').compile().sql
  }

  forgetting(ids: readonly string[]): readonly Statement[] {
    return ids.length === 0 ? [] : [{ sql: this.#forget, rows: ids.map((id) => [id]) }]
  }

  saving(machines: readonly Machine[]): readonly Statement[] {
    if (machines.length === 0) return []
    const ids: readonly (readonly SqlValue[])[] = machines.map(({ id }) => [id])
    return [
      ...this.#upsert(machines.map(rowOf)),
      { sql: this.#forgetIdentities, rows: ids },
      ...this.#upsertIdentities(machines.flatMap(identitiesOf)),
    ]
  }

  async all(): Promise<readonly Machine[]> {
    const rows = await this.#db
      .selectFrom('machines')
      .selectAll()
      .orderBy('discovered_at')
      .orderBy('id')
      .execute()
    const identities = await this.#db
      .selectFrom('machine_identities')
      .selectAll()
      .orderBy('position')
      .execute()
    const ofMachine = Map.groupBy(identities, ({ machine }) => machine)
    return rows.map((row) => machineOf(row, ofMachine.get(row.id) ?? []))
  }

  async byId(id: string): Promise<Machine | undefined> {
    const row = await this.#db.selectFrom('machines').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined) return undefined
    const identities = await this.#db
      .selectFrom('machine_identities')
      .selectAll()
      .where('machine', '=', id)
      .orderBy('position')
      .execute()
    return machineOf(row, identities)
  }

  byMac(mac: Mac): Promise<Machine | undefined> {
    return this.#knownBy('mac', mac)
  }

  byUuid(uuid: Uuid): Promise<Machine | undefined> {
    return this.#knownBy('uuid', uuid)
  }

  bySerial(serial: string): Promise<Machine | undefined> {
    return this.#knownBy('serial', serial)
  }

  /** Of several with the same identity, the one seen last. */
  async #knownBy(kind: IdentityRow['kind'], value: string): Promise<Machine | undefined> {
    const found = await this.#db
      .selectFrom('machine_identities as i')
      .innerJoin('machines as m', 'm.id', 'i.machine')
      .select('m.id')
      .where('i.kind', '=', kind)
      .where('i.value', '=', value)
      .orderBy('m.last_seen_at', 'desc')
      .orderBy('m.id')
      .limit(1)
      .executeTakeFirst()
    return found === undefined ? undefined : this.byId(found.id)
  }
}

const machineColumns = [
  'id',
  'manufacturer',
  'product',
  'hostname',
  'architecture',
  'firmware',
  'state',
  'state_because',
  'state_since',
  'discovered_at',
  'last_seen_at',
  'failures',
  'learnt',
  'claim',
  'approval',
] as const

function rowOf(machine: Machine): MachineRow {
  return {
    id: machine.id,
    manufacturer: machine.manufacturer ?? null,
    product: machine.product ?? null,
    hostname: machine.hostname ?? null,
    architecture: machine.architecture ?? null,
    firmware: machine.firmware ?? null,
    state: machine.state,
    state_because: machine.stateBecause,
    state_since: machine.stateSince,
    discovered_at: machine.discoveredAt,
    last_seen_at: machine.lastSeenAt,
    failures: machine.failures,
    learnt: learntText(machine),
    claim: machine.claim ?? null,
    approval: machine.approval === undefined ? null : JSON.stringify(machine.approval),
  }
}

/** The parts of a record that are read and written as a whole, and never searched for. */
type Learnt = Pick<
  Machine,
  | 'shown'
  | 'claimedTwiceAt'
  | 'proxy'
  | 'rounds'
  | 'chained'
  | 'bootNext'
  | 'failure'
  | 'install'
  | 'disks'
  | 'hardware'
  | 'join'
  | 'release'
>

function learntText({
  shown,
  claimedTwiceAt,
  proxy,
  rounds,
  chained,
  bootNext,
  failure,
  install,
  disks,
  hardware,
  join,
  release,
}: Learnt): string | null {
  const parts: { readonly [part in keyof Required<Learnt>]: Learnt[part] | undefined } = {
    shown,
    claimedTwiceAt,
    proxy,
    rounds,
    chained,
    bootNext,
    failure,
    install,
    disks,
    hardware,
    join,
    release,
  }
  const text = JSON.stringify(parts)
  return text === '{}' ? null : text
}

function identitiesOf({ id: machine, macs, uuid, serial }: Machine): readonly IdentityRow[] {
  const rows = macs.map((value, position): IdentityRow => ({ kind: 'mac', value, machine, position }))
  if (uuid !== undefined) rows.push({ kind: 'uuid', value: uuid, machine, position: 0 })
  if (serial !== undefined) rows.push({ kind: 'serial', value: serial, machine, position: 0 })
  return rows
}

function machineOf(row: MachineRow, identities: readonly IdentityRow[]): Machine {
  const values = (kind: IdentityRow['kind']): readonly string[] =>
    identities.filter((identity) => identity.kind === kind).map(({ value }) => value)
  return {
    id: row.id,
    macs: values('mac') as readonly Mac[],
    uuid: values('uuid')[0] as Uuid | undefined,
    serial: values('serial')[0],
    manufacturer: row.manufacturer ?? undefined,
    product: row.product ?? undefined,
    hostname: row.hostname ?? undefined,
    architecture: row.architecture ?? undefined,
    firmware: row.firmware ?? undefined,
    state: row.state,
    stateBecause: row.state_because,
    stateSince: row.state_since,
    discoveredAt: row.discovered_at,
    lastSeenAt: row.last_seen_at,
    failures: row.failures,
    ...(row.claim === null ? {} : { claim: row.claim }),
    ...(row.approval === null ? {} : { approval: JSON.parse(row.approval) as Approval }),
    ...(row.learnt === null ? {} : (JSON.parse(row.learnt) as Learnt)),
  }
}
