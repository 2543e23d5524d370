import t from 'tap'
import { checkApproval } from '../../server/appliance/check-approval.ts'
import type { ApprovalRule, Likeness } from '../../server/machines/approval-rule.ts'
import { macNumber } from '../networks/a-network.ts'
import { networkSettings } from './a-config.ts'

const rule: Likeness = { text: 'serial 7XK*', gives: {}, serials: ['7XK*'] }
const check = (approve: ApprovalRule, mode: 'full' | 'observe' = 'full') =>
  checkApproval({ approve, networks: [networkSettings({ mode })] })

t.test('who is let in without being asked for is counted, by card and by rule', async (t) => {
  const macs = new Set([macNumber(1)])
  const fact = (approve: ApprovalRule) =>
    check(approve).map((finding) => `${finding.verdict} ${finding.fact}`)
  t.strictSame(fact({ kind: 'these', macs }), ['well by one MAC address'])
  t.strictSame(fact({ kind: 'these', macs: new Set(), likenesses: [rule, rule] }), ['well by 2 rules'])
  t.strictSame(fact({ kind: 'these', macs: new Set([macNumber(1), macNumber(2)]), likenesses: [rule] }), [
    'well by 2 MAC addresses and one rule',
  ])
  t.match(check({ kind: 'all' }), [{ verdict: 'doubtful', fact: /every machine/ }])
  const nobody: ApprovalRule = { kind: 'these', macs: new Set() }
  t.match(check(nobody), [{ verdict: 'doubtful', nextStep: /machines approve/ }])
  t.strictSame(check(nobody, 'observe'), [], 'nobody is answered there')
})
