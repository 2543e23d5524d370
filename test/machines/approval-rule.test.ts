import * as fc from 'fast-check'
import t from 'tap'
import { allows, likenessOf, type ApprovalRule, type Likeness } from '../../server/machines/approval-rule.ts'
import { standingOf } from '../../server/machines/approval.ts'
import { macNumber } from '../networks/a-network.ts'

const [one, two] = [macNumber(1), macNumber(2)]
const dell = { serial: '7XK1', manufacturer: 'Dell Inc.', product: 'PowerEdge R640' }

function ruleOf(...likenesses: readonly Omit<Likeness, 'text' | 'gives'>[]): ApprovalRule {
  const given = likenesses.map((likeness, index) => ({ ...likeness, text: `rule ${index}`, gives: {} }))
  return { kind: 'these', macs: new Set([two]), likenesses: given }
}

function fits(pattern: string, serial: string): boolean {
  return allows(ruleOf({ serials: [pattern] }), one, { ...dell, serial })
}

t.test('a machine must be all that a rule says, each by one of several', async (t) => {
  const rule = ruleOf({ serials: ['A*', '7XK*'], manufacturers: ['dell*'] })
  t.ok(allows(rule, one, dell))
  t.notOk(allows(rule, one, { ...dell, serial: 'B1' }))
  t.notOk(allows(rule, one, { ...dell, manufacturer: undefined }), 'what is not told is not alike')
  t.notOk(allows(rule, one), 'nothing is known of it')
  t.ok(allows(rule, two), 'its card is listed')
  const ofCard = ruleOf({ macs: new Set([one]), products: ['*R640'] })
  t.ok(allows(ofCard, one, dell))
  t.notOk(allows(ofCard, macNumber(3), dell))
})

t.test('the first rule that fits counts', async (t) => {
  const rule = ruleOf({ serials: ['9*'] }, { serials: ['7XK*'] }, { manufacturers: ['Dell*'] })
  t.equal(likenessOf(rule, one, dell)?.text, 'rule 1')
  t.equal(likenessOf({ kind: 'all' }, one, dell), undefined)
})

t.test('a star stands for any letters, and for none', async (t) => {
  for (const pattern of ['7XK1', '7xk1', '7*', '*1', '7*1', '*XK*', '7XK1*', '7*X*K*1']) {
    t.ok(fits(pattern, '7XK1'), pattern)
  }
  for (const pattern of ['7XK', 'XK1', '*2', '7*2*1', '7XK1*1', '1*7'])
    t.notOk(fits(pattern, '7XK1'), pattern)
  t.ok(fits('a.c', 'a.c'))
  t.notOk(fits('a.c', 'abc'), 'a point is a point')
})

t.test('a text with some letters replaced by a star fits itself', async (t) => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(letters, fc.nat(12), fc.nat(12), (text, from, length) => {
      return fits(`${text.slice(0, from)}*${text.slice(from + length)}`, text)
    }),
  )
  t.pass()
})

t.test('what a board is like counts for it alone: not while it shows itself as two machines', async (t) => {
  const rule = ruleOf({ serials: ['7XK*'] })
  t.match(standingOf(undefined, one, rule, undefined, dell), {
    kind: 'approved',
    by: 'rule',
    because: 'the settings approve it, as rule 0',
    likeness: { text: 'rule 0' },
  })
  t.match(standingOf(undefined, one, rule, 'the serials differ', dell), { kind: 'waits' })
})
