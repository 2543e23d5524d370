import { chmodSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openStore } from '../../server/store/open-store.ts'
import { StoreFault } from '../../server/store/store-fault.ts'
import { testFolder } from '../folder.ts'
import { aLease, ip, macNumber } from '../networks/a-network.ts'
import { aMachine, anAttempt, anEvent } from './records.ts'

t.test('a new store belongs to its user alone', async (t) => {
  const path = join(testFolder(t), 'deep', 'folder', 'ironwake.db')
  await using store = await openStore(path)
  await store.saveLeases([aLease()])
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  for (const end of ['', '-wal', '-shm', '.lock']) t.equal(statSync(path + end).mode & 0o777, 0o600, end)
})

t.test('a file that others could read is closed to them', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  writeFileSync(path, '')
  chmodSync(path, 0o644)
  await using _ = await openStore(path)
  t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('what was written is there after the store was closed', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  {
    await using store = await openStore(path)
    await store.commit({
      machines: [aMachine()],
      attempts: [anAttempt()],
      leases: [aLease({ hostname: 'nöde\u{1f680}' })],
      events: [anEvent(1)],
    })
  }
  await using store = await openStore(path)
  t.strictSame(await store.machines.all(), [aMachine()])
  t.strictSame(await store.attempts.latest(), [anAttempt()])
  t.strictSame(await store.leases.all(), [aLease({ hostname: 'nöde\u{1f680}' })])
  t.strictSame(await store.events.list(), [{ id: 1, ...anEvent(1) }])
})

t.test('writes handed over before closing are stored', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  const store = await openStore(path)
  const writes = Array.from({ length: 500 }, (_, number) => store.record([anEvent(number)]))
  await store[Symbol.asyncDispose]()
  const ids = (await Promise.all(writes)).flat().map(({ id }) => id)
  t.strictSame(
    ids,
    Array.from({ length: 500 }, (_, number) => number + 1),
  )
  await t.rejects(store.record([anEvent(1)]), { name: 'StoreFault', kind: 'closed' })
})

t.test('a batch is stored whole or not at all, and the batches beside it are not touched', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  const orphan = anAttempt({ machine: 'nobody' })
  const outcomes = await Promise.allSettled([
    store.commit({ leases: [aLease()], events: [anEvent(1)] }),
    store.commit({ leases: [aLease({ mac: macNumber(9) })], attempts: [orphan], events: [anEvent(2)] }),
    store.commit({ events: [anEvent(3)] }),
  ])
  t.strictSame(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.match(outcomes[1], { reason: { name: 'StoreFault', kind: 'refused', message: /FOREIGN KEY/ } })
  t.strictSame(await store.leases.all(), [aLease()])
  t.strictSame(
    (await store.events.list()).map(({ at }) => at),
    [3, 1],
  )
})

t.test('offers are not stored, and a batch of them alone writes nothing', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.saveLeases([
    aLease({ state: 'offered' }),
    aLease({ address: ip('10.0.0.11'), mac: macNumber(2) }),
  ])
  t.strictSame(
    (await store.leases.all()).map(({ address }) => address),
    ['10.0.0.11'],
  )
  t.strictSame(await store.commit({ leases: [aLease({ state: 'offered' })] }), [])
})

t.test('a value of the wrong type is refused, not bent', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await t.rejects(store.saveLeases([aLease({ endsAt: 1.5 })]), { kind: 'refused', message: /INTEGER/ })
  await t.rejects(store.saveLeases([aLease({ endsAt: NaN })]), { name: 'StoreFault', kind: 'refused' })
  t.strictSame(await store.leases.all(), [])
})

t.test('a second appliance is kept away from the store', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  {
    await using store = await openStore(path)
    await t.rejects(openStore(path), { name: 'StoreFault', kind: 'in-use', message: /another Ironwake/ })
    await store.saveLeases([aLease()])
  }
  await using again = await openStore(path)
  t.equal((await again.leases.all()).length, 1)
})

t.test('who has the store is waited for where that is said', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  const first = await openStore(path)
  await t.rejects(openStore(path, { patienceMs: 100 }), { name: 'StoreFault', kind: 'in-use' })
  const second = openStore(path, { patienceMs: 60_000 })
  await first.saveLeases([aLease()])
  await first[Symbol.asyncDispose]()
  await using store = await second
  t.equal((await store.leases.all()).length, 1)
})

t.test('a store of a newer program is left alone, with the next step', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  await (await openStore(path))[Symbol.asyncDispose]()
  const database = new DatabaseSync(path)
  database.exec("update meta set value = '99' where key = 'schema'")
  database.close()
  await t.rejects(openStore(path), {
    kind: 'newer-than-program',
    message: /newer Ironwake \(its schema is 99, this program knows [0-9]+\)\. Start that version again/,
  })
})

t.test('what is no store is refused and not changed', async (t) => {
  const folder = testFolder(t, { 'notes.db': 'x'.repeat(5000) })
  await t.rejects(openStore(join(folder, 'notes.db')), { kind: 'not-a-store', message: /Move it aside/ })
  const path = join(folder, 'other.db')
  const other = new DatabaseSync(path)
  other.exec('create table photos (name text)')
  other.close()
  await t.rejects(openStore(path), { kind: 'not-a-store', message: /another program/ })
  const reopened = new DatabaseSync(path)
  t.strictSame(
    reopened
      .prepare('select name from sqlite_schema')
      .all()
      .map((row) => row['name']),
    ['photos'],
  )
  reopened.close()
})

t.test('a damaged store is told, with the next step', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  {
    await using store = await openStore(path)
    await store.record(Array.from({ length: 2000 }, (_, number) => anEvent(number)))
  }
  truncateSync(path, statSync(path).size / 2)
  const fault = await openStore(path).catch((error: unknown) => error)
  t.ok(fault instanceof StoreFault)
  t.match(fault, { kind: 'corrupt', message: /is damaged .* put a backup in its place/ })
})

t.test('a folder that cannot be made is told', async (t) => {
  const folder = testFolder(t, { file: 'in the way' })
  await t.rejects(openStore(join(folder, 'file', 'ironwake.db')), {
    kind: 'no-access',
    message: /cannot be made/,
  })
})
