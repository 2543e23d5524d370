import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import t from 'tap'
import { followAudit, auditStart } from '../../server/access/audit-chain.ts'
import { auditDesk } from '../../server/appliance/audit-desk.ts'
import { openStore } from '../../server/store/open-store.ts'
import { testFolder } from '../folder.ts'

t.test('a token that is refused again and again has few rows, which count the others', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  let at = 0
  const desk = auditDesk(store, () => at)
  const refused = async (token: string): Promise<void> =>
    await desk.writeRefused({
      kind: 'refused',
      act: 'cluster removed',
      who: `the token ${token}`,
      token,
      role: 'viewer',
      from: '10.0.0.9',
      status: 403,
      because: 'the role does not suffice',
    })
  for (let time = 0; time < 100; time++) await refused('a')
  await refused('b')
  at = 60_000
  await refused('a')
  const rows = await desk.rows({ limit: 1000 })
  const read = rows.map(
    ({ row }) => JSON.parse(row) as { readonly token: string; readonly heldBack?: number },
  )
  t.equal(read.filter(({ token }) => token === 'a').length, 21)
  t.match(read.slice(-2), [{ token: 'b' }, { token: 'a', heldBack: 80 }])
  t.match(followAudit(auditStart, rows), { kind: 'fits', head: { seq: 22 } })
})

t.test('rows are chained however many are written at once, and the database changes none', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  {
    await using store = await openStore(path)
    const desk = auditDesk(store, () => 5)
    const numbers = await Promise.all(
      Array.from({ length: 20 }, async () => await desk.write({ kind: 'ended', begun: 1, status: 204 })),
    )
    t.strictSame(
      numbers,
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
  }
  {
    const database = new DatabaseSync(path)
    t.throws(() => database.exec("update audit set row = '{}' where seq = 3"), /only added to/)
    t.throws(() => database.exec('delete from audit where seq = 20'), /only added to/)
    t.throws(() => database.exec("insert or replace into audit values (3, '{}', '')"), /follows the last/)
    t.throws(() => database.exec("insert into audit values (22, '{}', '')"), /follows the last/)
    database.close()
  }
  await using store = await openStore(path)
  const desk = auditDesk(store, () => 6)
  const rows = await desk.rows({ after: 0, limit: 1000 })
  t.match(followAudit(auditStart, rows), { kind: 'fits', head: { seq: 20 } })
  t.equal(await desk.write({ kind: 'ended', begun: 2, status: 204 }), 21, 'it goes on after a start')
  await t.rejects(store.appendAudit(rows[0] ?? { seq: 1, row: '', hash: '' }))
  t.equal((await desk.head()).seq, 21)
  t.strictSame(
    (await desk.rows({ limit: 2 })).map(({ seq }) => seq),
    [20, 21],
  )
})
