import t from 'tap'
import {
  auditStart,
  canonicalJson,
  followAudit,
  nextAuditRow,
  type AuditRow,
} from '../../server/access/audit-chain.ts'

const rows: AuditRow[] = []
for (const on of ['a', 'b', 'c', 'd']) {
  const act = { act: 'machine approved', who: 'local', role: 'admin', from: '10.0.0.1', on } as const
  rows.push(nextAuditRow(rows.at(-1) ?? auditStart, { kind: 'begun', ...act }, 5))
}

t.test('a log as it was written fits, in one piece or in two', async (t) => {
  t.match(followAudit(auditStart, rows), { kind: 'fits', head: { seq: 4 } })
  t.match(followAudit(rows[1] ?? auditStart, rows.slice(2)), { kind: 'fits', head: { seq: 4 } })
  t.strictSame(followAudit(auditStart, []), { kind: 'fits', head: auditStart })
})

t.test('each field that is changed is found at its row', async (t) => {
  const entry = JSON.parse(rows[1]?.row ?? '') as Record<string, unknown>
  t.ok(Object.keys(entry).length >= 8)
  for (const name of Object.keys(entry)) {
    const changed = rows.with(1, {
      ...(rows[1] ?? auditStart),
      row: canonicalJson({ ...entry, [name]: 'x' }),
    })
    t.match(followAudit(auditStart, changed), { kind: 'broken', seq: 2 }, name)
  }
  const hash = rows.with(1, { seq: 2, row: rows[1]?.row ?? '', hash: '0'.repeat(64) })
  t.match(followAudit(auditStart, hash), { kind: 'broken', seq: 2 })
})

t.test('a row that is missing, exchanged or made anew is found', async (t) => {
  const [a, b, c, d] = rows as [AuditRow, AuditRow, AuditRow, AuditRow]
  t.match(followAudit(auditStart, [b, c, d]), { kind: 'broken', seq: 1, because: /row 1 is missing/ })
  t.match(followAudit(auditStart, [a, c, d]), { kind: 'broken', seq: 2, because: /row 2 is missing/ })
  t.match(followAudit(auditStart, [a, c, b, d]), { kind: 'broken', seq: 2 })
  t.match(followAudit(auditStart, [a, { ...c, seq: 2 }, { ...b, seq: 3 }, d]), { kind: 'broken', seq: 2 })
  const anew = nextAuditRow(a, { kind: 'ended', begun: 1, status: 200 }, 6)
  t.match(followAudit(auditStart, [a, anew, c, d]), { kind: 'broken', seq: 3 })
  t.match(
    followAudit(auditStart, [a, b, c]),
    { kind: 'fits', head: { seq: 3 } },
    'a cut end needs a kept head',
  )
})
