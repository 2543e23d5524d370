import t from 'tap'
import { allows } from '../../server/machines/approval-rule.ts'
import { standingOf, underRule, whySpent, type Approval } from '../../server/machines/approval.ts'
import { macNumber } from '../networks/a-network.ts'

const nobody = { kind: 'these', macs: new Set<never>() } as const
const approval: Approval = { by: 'person', at: 86_400_000, macs: [macNumber(1), macNumber(2)] }

t.test('a list of cards approves those cards, whatever else is known of the machine', (t) => {
  const rule = { kind: 'these', macs: new Set([macNumber(1), macNumber(2)]) } as const
  t.ok(allows(rule, macNumber(1)))
  t.ok(allows(rule, macNumber(2)))
  t.notOk(allows(rule, macNumber(3)))
  t.end()
})

t.test('an empty list approves nobody', (t) => {
  t.notOk(allows(nobody, macNumber(1)))
  t.end()
})

t.test('`all` approves everybody', (t) => {
  t.ok(allows({ kind: 'all' }, macNumber(99)))
  t.end()
})

t.test('a person approves the cards of the record, and no card that comes to it later', (t) => {
  for (const number of [1, 2]) {
    t.strictSame(standingOf(approval, macNumber(number), nobody), {
      kind: 'approved',
      by: 'person',
      because: 'a person approved it on 1970-01-02',
      approval,
    })
  }
  t.strictSame(standingOf(approval, macNumber(3), nobody), {
    kind: 'waits',
    because: `the card ${macNumber(3)} came to its record after a person had approved it on 1970-01-02`,
  })
  t.strictSame(standingOf(undefined, macNumber(1), nobody), { kind: 'waits' })
  t.end()
})

t.test(
  'a clash keeps the approval of a person from counting, and leaves the rule for the card alone',
  (t) => {
    const clash = 'the serials differ'
    t.match(standingOf(approval, macNumber(1), nobody, clash), {
      kind: 'waits',
      because: /two machines: the serials/,
    })
    t.match(standingOf(approval, macNumber(1), { kind: 'all' }, clash), { kind: 'approved', by: 'rule' })
    t.end()
  },
)

t.test('a rule that the settings no longer have approves nobody, whatever the record keeps of it', (t) => {
  const ruled: Approval = { by: 'rule', at: 5, macs: [macNumber(1)] }
  t.strictSame(standingOf(ruled, macNumber(1), nobody), { kind: 'waits' })
  t.match(standingOf(ruled, macNumber(1), { kind: 'all' }), { kind: 'approved', by: 'rule' })
  t.end()
})

t.test('the record of a rule has the cards that asked under it, each until the rule is gone', (t) => {
  const one = underRule(undefined, macNumber(1), 'allowed', 5)
  t.strictSame(one, { by: 'rule', at: 5, macs: [macNumber(1)] })
  t.equal(underRule(one, macNumber(1), 'allowed', 9), one)
  const two = underRule(one, macNumber(2), 'allowed', 9)
  t.strictSame(two, { by: 'rule', at: 5, macs: [macNumber(1), macNumber(2)] })
  t.equal(underRule(two, macNumber(3), 'not-allowed', 9), two)
  t.strictSame(underRule(two, macNumber(1), 'not-allowed', 9), { by: 'rule', at: 5, macs: [macNumber(2)] })
  t.equal(underRule(one, macNumber(1), 'not-allowed', 9), undefined)
  t.equal(underRule(undefined, macNumber(1), 'not-allowed', 9), undefined)
  t.end()
})

t.test('an approval for one run is spent by a boot that ended well, and any other is not', (t) => {
  t.equal(whySpent({ ...approval, doneAt: 5 }), undefined)
  t.equal(whySpent({ ...approval, once: true }), undefined)
  t.match(whySpent({ ...approval, once: true, doneAt: 5 }), /one run .* since 1970-01-01T00:00:00.005Z$/)
  t.end()
})
