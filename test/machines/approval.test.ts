import t from 'tap'
import { allows } from '../../server/machines/approval.ts'
import { macNumber } from '../networks/a-network.ts'

t.test('a rule for these cards allows them and no other', (t) => {
  const rule = { kind: 'these', macs: new Set([macNumber(1), macNumber(2)]) } as const
  t.ok(allows(rule, macNumber(1)))
  t.ok(allows(rule, macNumber(2)))
  t.notOk(allows(rule, macNumber(3)))
  t.end()
})

t.test('a rule that names nobody allows nobody', (t) => {
  t.notOk(allows({ kind: 'these', macs: new Set() }, macNumber(1)))
  t.end()
})

t.test('a rule for all allows all', (t) => {
  t.ok(allows({ kind: 'all' }, macNumber(99)))
  t.end()
})
