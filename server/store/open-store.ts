import { fileTrouble } from '../wire/file-trouble.ts'
import { chmod, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Kysely } from 'kysely'
import type { ClusterRecord } from '../clusters/cluster.ts'
import type { AuditRow } from '../access/audit-chain.ts'
import type { ApiToken } from '../access/api-token.ts'
import type { RecordedEvent } from '../events/event.ts'
import type { Enrolment } from '../machines/enrolment.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import type { ServedScript } from '../machines/served-script.ts'
import type { Lease } from '../networks/lease.ts'
import { ApiTokenRecords } from './api-tokens.ts'
import { AuditRecords } from './audit.ts'
import { AttemptRecords } from './attempts.ts'
import { ClusterRecords } from './clusters.ts'
import { connect, connectToRead } from './connect.ts'
import { EnrolmentRecords } from './enrolments.ts'
import { EventRecords } from './events.ts'
import type { NewEvent } from './events.ts'
import { LeaseRecords } from './leases.ts'
import { MachineRecords } from './machines.ts'
import { migrate } from './migrate.ts'
import type { Schema } from './schema.ts'
import { ServedScriptRecords } from './served-scripts.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { StoreFault, storeFaultOf } from './store-fault.ts'
import { lockFileOf, lockStore } from './store-lock.ts'
import type { Statement } from './write.ts'
import { Writer } from './writer.ts'

/** What belongs together: all of it is stored, or nothing. */
export type Batch = {
  readonly machines?: readonly Machine[]
  readonly attempts?: readonly Attempt[]
  readonly leases?: readonly Lease[]
  readonly events?: readonly NewEvent[]
  /** Machines that are gone, with their attempts. */
  readonly forgotten?: readonly string[]
  readonly served?: readonly ServedScript[]
  readonly enrolments?: readonly Enrolment[]
}

/**
 * The records of the appliance. What a write resolves for is on disk and survives a power cut; what it rejects, with a
 * `StoreFault`, is not there at all.
 */
export type Store = AsyncDisposable & {
  readonly machines: Pick<MachineRecords, 'all' | 'byId' | 'byMac' | 'byUuid' | 'bySerial'>
  readonly attempts: Pick<AttemptRecords, 'byId' | 'ofMachine' | 'latest'>
  readonly leases: Pick<LeaseRecords, 'all'>
  readonly events: Pick<EventRecords, 'list'>
  readonly served: Pick<ServedScriptRecords, 'ofMachine'>
  readonly clusters: Pick<ClusterRecords, 'all'>
  readonly apiTokens: Pick<ApiTokenRecords, 'all'>
  readonly enrolments: Pick<EnrolmentRecords, 'all'>
  readonly audit: Pick<AuditRecords, 'after' | 'newest' | 'head'>
  /** Stores a batch in one transaction and gives its events with their numbers. Writes of one turn share a commit. */
  commit(batch: Batch): Promise<readonly RecordedEvent[]>
  saveMachines(machines: readonly Machine[]): Promise<void>
  saveAttempts(attempts: readonly Attempt[]): Promise<void>
  /** Offers among them are passed over. */
  saveLeases(leases: readonly Lease[]): Promise<void>
  saveClusters(clusters: readonly ClusterRecord[]): Promise<void>
  deleteCluster(name: string): Promise<void>
  saveApiTokens(tokens: readonly ApiToken[]): Promise<void>
  deleteApiTokens(ids: readonly string[]): Promise<void>
  /** Refused where it does not follow the last row. */
  appendAudit(row: AuditRow): Promise<void>
  record(events: readonly NewEvent[]): Promise<readonly RecordedEvent[]>
  /** Deletes at most 1000 attempts last seen before a time, none that is its machine's latest, and tells how many. */
  deleteAttemptsBefore(time: number): Promise<number>
  /** Deletes at most 1000 events from before a time and tells how many it deleted. */
  deleteEventsBefore(time: number): Promise<number>
  /** Deletes at most 1000 events that are older than the newest so many and tells how many it deleted. */
  deleteEventsBeyond(newest: number): Promise<number>
}

/**
 * Opens the store in this file, and makes the file and its folder, for this user alone, when they are missing. Who has it
 * open is waited for `patienceMs`, and is a `StoreFault` of the kind `in-use` then.
 */
export async function openStore(path: string, { patienceMs = 0 } = {}): Promise<Store> {
  await using opened = new AsyncDisposableStack()
  try {
    await makeFile(path)
    await makeFile(lockFileOf(path))
    opened.use(await lockStore(path, patienceMs))
    const first = connect(path)
    try {
      refuseDamage(first, path)
      await migrate(first, path)
    } finally {
      if (first.isOpen) first.close()
    }
    const writer = opened.use(await Writer.start(path))
    const db = opened.use(new Kysely<Schema>({ dialect: sqliteDialect(connectToRead(path)) }))
    return storeOf(db, writer, opened.move())
  } catch (error) {
    throw storeFaultOf(error, path)
  }
}

function storeOf(db: Kysely<Schema>, writer: Writer, opened: AsyncDisposableStack): Store {
  const machines = new MachineRecords(db)
  const attempts = new AttemptRecords(db)
  const leases = new LeaseRecords(db)
  const events = new EventRecords(db)
  const served = new ServedScriptRecords(db)
  const clusters = new ClusterRecords(db)
  const apiTokens = new ApiTokenRecords(db)
  const enrolments = new EnrolmentRecords(db)
  const audit = new AuditRecords(db)

  async function commit(batch: Batch): Promise<readonly RecordedEvent[]> {
    const recorded = batch.events ?? []
    const statements = [
      ...machines.forgetting(batch.forgotten ?? []),
      ...machines.saving(batch.machines ?? []),
      ...attempts.saving(batch.attempts ?? []),
      ...served.saving(batch.served ?? []),
      ...enrolments.saving(batch.enrolments ?? []),
      ...leases.saving(batch.leases ?? []),
      ...events.recording(recorded),
    ]
    if (statements.length === 0) return []
    const results = await writer.write(statements)
    // One thread writes, so the numbers of one statement's rows follow each other.
    const firstId = (results.at(-1)?.lastKey ?? 0) - recorded.length + 1
    return recorded.map((event, index) => ({ ...event, id: firstId + index }))
  }

  async function deleted(deletion: Statement): Promise<number> {
    const [result] = await writer.write([deletion])
    return result?.changed ?? 0
  }

  return {
    machines,
    attempts,
    leases,
    events,
    served,
    clusters,
    apiTokens,
    enrolments,
    audit,
    commit,
    saveMachines: async (changed) => void (await commit({ machines: changed })),
    saveAttempts: async (changed) => void (await commit({ attempts: changed })),
    saveLeases: async (changed) => void (await commit({ leases: changed })),
    saveClusters: async (changed) => void (await writer.write(clusters.saving(changed))),
    deleteCluster: async (name) => void (await writer.write([clusters.deleting(name)])),
    saveApiTokens: async (tokens) => void (await writer.write(apiTokens.saving(tokens))),
    deleteApiTokens: async (ids) => void (await writer.write(apiTokens.forgetting(ids))),
    appendAudit: async (row) => void (await writer.write([audit.appending(row)])),
    record: (happened) => commit({ events: happened }),
    deleteAttemptsBefore: async (time) => await deleted(attempts.deletingBefore(time)),
    deleteEventsBefore: async (time) => await deleted(events.deletingBefore(time)),
    deleteEventsBeyond: async (newest) => await deleted(events.deletingBeyond(newest)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Reading all of a larger file would hold up the start; its damage shows when the damaged page is used. */
const largestCheckedPages = 4096

function refuseDamage(database: ReturnType<typeof connect>, path: string): void {
  const pages = Number(database.prepare('pragma page_count').get()?.['page_count'] ?? 0)
  if (pages > largestCheckedPages) return
  const finding = database.prepare('pragma quick_check(1)').get()?.['quick_check']
  if (finding === 'ok') return
  const sentence = `The store ${path} is damaged (${String(finding)}). Move it aside and start again with an empty one, or put a backup in its place.`
  throw new StoreFault('corrupt', sentence)
}

async function makeFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    // SQLite gives its log and its shared memory the mode of the database (sqlite.org/src: findCreateFileMode).
    const file = await open(path, 'a', 0o600)
    await file.close()
    await chmod(path, 0o600)
  } catch (error) {
    const sentence = `The store ${path} cannot be made: ${fileTrouble(error)}. Check the folder and who owns it.`
    throw new StoreFault('no-access', sentence, error)
  }
}
