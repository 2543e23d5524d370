import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import t from 'tap'
import { chainsAgain } from '../../server/machines/chained.ts'
import { comesBy } from '../../server/machines/rounds.ts'
import { heardAsking } from '../../server/machines/proxy-ladder.ts'
import { migrations, sqliteWords } from '../../server/store/migrations.ts'
import type { Approval } from '../../server/machines/approval.ts'
import { openStore } from '../../server/store/open-store.ts'
import { sqliteDialect } from '../../server/store/sqlite-dialect.ts'
import { parseUuid } from '../../server/wire/uuid.ts'
import { testFolder } from '../folder.ts'
import { macNumber } from '../networks/a-network.ts'
import { aMachine, uuid } from './records.ts'
import type { Mac } from '../../server/wire/mac.ts'

t.test('a machine is found by each of its MACs, its UUID and its serial', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  const machine = aMachine()
  await store.saveMachines([
    machine,
    aMachine({ id: 'M0000002', macs: [], uuid: undefined, serial: undefined }),
  ])
  for (const mac of machine.macs) t.strictSame(await store.machines.byMac(mac), machine)
  if (uuid !== undefined) t.strictSame(await store.machines.byUuid(uuid), machine)
  t.strictSame(await store.machines.bySerial('SN-1'), machine)
  t.strictSame(await store.machines.byId('M0000001'), machine)
  t.equal(await store.machines.byMac(macNumber(99)), undefined)
  t.equal((await store.machines.all()).length, 2)
})

t.test('saving again replaces what it was and what it was known by', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.saveMachines([aMachine()])
  const other = parseUuid('00000000-1111-2222-3333-444444444444')
  const changed = aMachine({
    macs: [macNumber(7)],
    uuid: other,
    serial: undefined,
    hostname: undefined,
    state: 'failed',
    failures: 3,
  })
  await store.saveMachines([changed])
  t.strictSame(await store.machines.all(), [changed])
  t.equal(await store.machines.byMac(macNumber(1)), undefined)
  t.equal(await store.machines.bySerial('SN-1'), undefined)
})

t.test('of machines with the same serial the one seen last is found', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  const [older, newer] = [
    aMachine({ macs: [macNumber(1)], lastSeenAt: 5 }),
    aMachine({ id: 'M0000002', macs: [macNumber(2)], lastSeenAt: 6 }),
  ]
  await store.saveMachines([newer, older])
  t.strictSame(await store.machines.bySerial('SN-1'), newer)
})

t.test('a machine whose record moves does not lose its attempts', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.saveMachines([aMachine()])
  const attempt = {
    id: 'a1',
    machine: 'M0000001',
    mac: '52:54:00:00:00:01' as Mac,
    startedAt: 1,
    lastSeenAt: 2,
    stage: 'ended',
    endedAt: 3,
    result: 'installed',
  } as const
  await store.saveAttempts([attempt])
  await store.saveMachines([aMachine({ state: 'installed' })])
  t.strictSame(await store.attempts.byId('a1'), attempt)
})

t.test('what was learnt of a machine is kept whole, and forgotten with it', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  const { ladder } = heardAsking(undefined, { mac: macNumber(1), xid: 0xffff_ffff, secs: 4, at: 5_000 })
  const learned = aMachine({
    proxy: ladder,
    rounds: comesBy(undefined, 'pxe', 5_000),
    chained: chainsAgain(undefined, { xid: 7, at: 5_000 }),
    failure: 'system-not-started',
    hardware: { at: 5, firmware: 'bios', processors: 2, processorModel: 'a', memoryBytes: 5, cards: [] },
    bootNext: { action: 'local', askedAt: 5, used: { attempt: 'a1', walk: 5_000 } },
  })
  await store.saveMachines([learned])
  t.strictSame(await store.machines.all(), [learned])
  await store.saveMachines([aMachine()])
  t.strictSame(await store.machines.all(), [aMachine()])
})

for (let version = 1; version < migrations.length; version++) {
  t.test(`a store of version ${version} is brought up to date, with its machines`, async (t) => {
    const path = join(testFolder(t), 'ironwake.db')
    await storeOfVersion(path, version)
    await using store = await openStore(path)
    const [kept] = await store.machines.all()
    t.strictSame(kept, aMachine({ macs: [macNumber(1)], uuid: undefined, serial: undefined }))
    await store.saveMachines([newest])
    t.strictSame(await store.machines.all(), [newest])
  })
}

const approval: Approval = {
  by: 'person',
  at: 5,
  macs: [macNumber(1)],
  image: 'noble',
  once: true,
  doneAt: 9,
}
/** Has everything that a version has added. */
const newest = aMachine({
  proxy: { strategy: 'boot-server', worked: true, failures: 0 },
  claim: 'KTW-RXP',
  approval,
})

/** A store as a program of that version left it, with one machine. */
async function storeOfVersion(path: string, version: number): Promise<void> {
  const database = new DatabaseSync(path)
  await using db = new Kysely<unknown>({ dialect: sqliteDialect(database) })
  for (const migration of migrations.slice(0, version)) await migration(db, sqliteWords)
  const { id, manufacturer, hostname, architecture, state, stateBecause } = aMachine()
  database
    .prepare(
      `insert into machines (id, manufacturer, hostname, architecture, state, state_because, state_since,
        discovered_at, last_seen_at, failures) values (?, ?, ?, ?, ?, ?, 1000, 1000, 2000, 0)`,
    )
    .run(id, manufacturer ?? null, hostname ?? null, architecture ?? null, state, stateBecause)
  database.prepare("insert into machine_identities values ('mac', ?, ?, 0)").run(macNumber(1), id)
  const applicationId = 0x4952_4f4e
  database.exec(`
    create table meta (key text primary key not null, value text not null);
    insert into meta values ('schema', '${version}');
    pragma application_id = ${applicationId};
  `)
}
