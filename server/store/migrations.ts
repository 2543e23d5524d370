import { sql } from 'kysely'
import type { CreateTableBuilder, Kysely } from 'kysely'

/** What the engines spell differently. */
export type EngineWords = {
  /** A whole number of at least 53 bits. */
  readonly integer: 'integer' | 'bigint'
  /** A key that counts up and never comes again, even after its row is gone. */
  readonly countedKey: string
  readonly tableEnd: string
  /** For tables that are only ever looked up by their key of several columns. */
  readonly keyedTableEnd: string
}

export const sqliteWords: EngineWords = {
  integer: 'integer',
  countedKey: 'integer primary key autoincrement',
  // Without `strict` SQLite stores any value in any column (sqlite.org/stricttables.html).
  tableEnd: 'strict',
  // One tree instead of a table and an index halves what a new lease writes (sqlite.org/withoutrowid.html).
  keyedTableEnd: 'strict, without rowid',
}

type Migration = (db: Kysely<unknown>, words: EngineWords) => Promise<void>

/** The schema's history: the store of version N has gone through the first N. Never edited, only added to. */
export const migrations: readonly Migration[] = [
  makeTables,
  rememberWhatWasLearnt,
  giveClaimCodes,
  keepApprovals,
  keepServedScripts,
  makeClusters,
  makeApiTokens,
  keepEnrolments,
  keepAudit,
]

async function makeTables(db: Kysely<unknown>, words: EngineWords): Promise<void> {
  const { integer } = words
  const table = (name: string, end = words.tableEnd): CreateTableBuilder<string> => {
    const started = db.schema.createTable(name)
    return end === '' ? started : started.modifyEnd(sql.raw(end))
  }

  await table('machines')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('manufacturer', 'text')
    .addColumn('product', 'text')
    .addColumn('hostname', 'text')
    .addColumn('architecture', 'text')
    .addColumn('firmware', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('state_because', 'text', (c) => c.notNull())
    .addColumn('state_since', integer, (c) => c.notNull())
    .addColumn('discovered_at', integer, (c) => c.notNull())
    .addColumn('last_seen_at', integer, (c) => c.notNull())
    .addColumn('failures', integer, (c) => c.notNull())
    .execute()

  await table('machine_identities', words.keyedTableEnd)
    .addColumn('kind', 'text', (c) => c.notNull().check(sql`kind in ('mac', 'uuid', 'serial')`))
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('machine', 'text', (c) => c.notNull().references('machines.id').onDelete('cascade'))
    .addColumn('position', integer, (c) => c.notNull())
    .addPrimaryKeyConstraint('machine_identities_key', ['kind', 'value', 'machine'])
    .execute()
  await db.schema.createIndex('identities_of_machine').on('machine_identities').column('machine').execute()

  await table('leases', words.keyedTableEnd)
    .addColumn('network', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('mac', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull().check(sql`state in ('leased', 'declined', 'released')`))
    .addColumn('since', integer, (c) => c.notNull())
    .addColumn('ends_at', integer, (c) => c.notNull())
    .addColumn('hostname', 'text')
    .addPrimaryKeyConstraint('leases_key', ['network', 'address'])
    .execute()

  await table('attempts')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('machine', 'text', (c) => c.notNull().references('machines.id').onDelete('cascade'))
    .addColumn('mac', 'text', (c) => c.notNull())
    .addColumn('started_at', integer, (c) => c.notNull())
    .addColumn('last_seen_at', integer, (c) => c.notNull())
    .addColumn('stage', 'text', (c) => c.notNull())
    .addColumn('ended_at', integer)
    .addColumn('result', 'text')
    .execute()
  await db.schema
    .createIndex('attempts_of_machine')
    .on('attempts')
    .columns(['machine', 'started_at'])
    .execute()

  // Events outlive the machines they tell of, so they refer to them without a foreign key.
  await table('events')
    .addColumn('id', sql.raw(words.countedKey))
    .addColumn('at', integer, (c) => c.notNull())
    .addColumn('machine', 'text')
    .addColumn('attempt', 'text')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .execute()
  // Most events of a busy network are about no known machine, and need not burden these two.
  for (const about of ['machine', 'attempt'] as const) {
    await db.schema
      .createIndex(`events_of_${about}`)
      .on('events')
      .columns([about, 'id'])
      .where(sql.ref(about), 'is not', null)
      .execute()
  }
  await db.schema.createIndex('events_of_kind').on('events').columns(['kind', 'id']).execute()
  await db.schema.createIndex('events_by_time').on('events').column('at').execute()
}

/** What the appliance learnt of a machine, and what it was asked to do with it next: one text of JSON. */
async function rememberWhatWasLearnt(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('machines').addColumn('learnt', 'text').execute()
}

/** What the screens of machines show. A machine of an older store gets its code when it is next seen. */
async function giveClaimCodes(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('machines').addColumn('claim', 'text').execute()
}

/** Who approved a machine, when, for which cards, and what it is to have: one text of JSON. */
async function keepApprovals(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('machines').addColumn('approval', 'text').execute()
}

/** What each machine was last given to boot by, to compare with what it would be given now. */
async function keepServedScripts(db: Kysely<unknown>, words: EngineWords): Promise<void> {
  await db.schema
    .createTable('served_scripts')
    .addColumn('machine', 'text', (c) =>
      c.primaryKey().notNull().references('machines.id').onDelete('cascade'),
    )
    .addColumn('body', 'text', (c) => c.notNull())
    .modifyEnd(sql.raw(words.tableEnd))
    .execute()
}

/** A cluster is read and written whole; its secrets stand apart, so that a look at the one column never shows the other. */
async function makeClusters(db: Kysely<unknown>, words: EngineWords): Promise<void> {
  const started = db.schema.createTable('clusters')
  const table = words.tableEnd === '' ? started : started.modifyEnd(sql.raw(words.tableEnd))
  await table
    .addColumn('name', 'text', (c) => c.primaryKey().notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .addColumn('sealed', 'text', (c) => c.notNull())
    .execute()
}

/** Who may come in over the network: of each token its hash alone. */
async function makeApiTokens(db: Kysely<unknown>, { integer, tableEnd }: EngineWords): Promise<void> {
  const started = db.schema.createTable('api_tokens')
  await (tableEnd === '' ? started : started.modifyEnd(sql.raw(tableEnd)))
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('role', 'text', (c) => c.notNull().check(sql`role in ('viewer', 'operator', 'admin')`))
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('made_at', integer, (c) => c.notNull())
    .addColumn('made_by', 'text', (c) => c.notNull())
    .addColumn('expires_at', integer, (c) => c.notNull())
    .addColumn('last_used_at', integer)
    .addColumn('revoked_at', integer)
    .execute()
}

/** The keys and credentials of machines, and what they are invited by: one text of JSON for each, read at the start. */
async function keepEnrolments(db: Kysely<unknown>, { tableEnd }: EngineWords): Promise<void> {
  const started = db.schema.createTable('enrolments')
  await (tableEnd === '' ? started : started.modifyEnd(sql.raw(tableEnd)))
    .addColumn('machine', 'text', (c) =>
      c.primaryKey().notNull().references('machines.id').onDelete('cascade'),
    )
    .addColumn('body', 'text', (c) => c.notNull())
    .execute()
}

/** Who did what, chained by hash. What is there stays as it is: `replace` deletes without a word, so a row that is there already is refused, too. */
async function keepAudit(db: Kysely<unknown>, { integer, tableEnd }: EngineWords): Promise<void> {
  const started = db.schema.createTable('audit')
  await (tableEnd === '' ? started : started.modifyEnd(sql.raw(tableEnd)))
    .addColumn('seq', integer, (c) => c.primaryKey().notNull())
    .addColumn('row', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .execute()
  for (const what of ['update', 'delete'] as const) {
    await sql`create trigger ${sql.raw(`audit_no_${what}`)} before ${sql.raw(what)} on audit
      begin select raise(abort, 'the audit log is only added to'); end`.execute(db)
  }
  await sql`create trigger audit_in_order before insert on audit
    when new.seq <> coalesce((select max(seq) from audit), 0) + 1
    begin select raise(abort, 'a row of the audit log follows the last one'); end`.execute(db)
}
