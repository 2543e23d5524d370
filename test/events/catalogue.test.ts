import t from 'tap'
import { catalogue } from '../../server/events/catalogue.ts'
import { printable } from '../../server/wire/text.ts'
import { samples } from './samples.ts'

const entries = Object.entries(catalogue)

t.test('every kind of event is explained in whole sentences', (t) => {
  t.ok(entries.length >= 30, `${entries.length} kinds`)
  for (const [kind, { meaning, nextStep }] of entries) {
    for (const text of [meaning, ...(nextStep === undefined ? [] : [nextStep])]) {
      t.match(text, /^[A-Zc].*[.]$/, `${kind}: ${text}`)
      t.equal(printable(text, 1_000), text, `${kind} is printable`)
    }
  }
  t.end()
})

t.test('whoever reads of an error is told what to do', (t) => {
  const errors = entries.filter(([, { level }]) => level === 'error')
  t.ok(errors.length > 0)
  for (const [kind, { nextStep }] of errors) t.not(nextStep, undefined, kind)
  t.end()
})

t.test('the catalogue and the samples of these tests have the same kinds', (t) => {
  t.strictSame(Object.keys(samples).sort(), Object.keys(catalogue).sort())
  t.end()
})
