import { readFileSync } from 'node:fs'
import t from 'tap'
import { failureCauses } from '../../server/machines/failure-causes.ts'
import { lifeDocument } from '../../server/machines/life-document.ts'
import { stateMeanings, timeLimitMs, transitions, triggerMeanings } from '../../server/machines/lifecycle.ts'

t.test('docs/machine-life.md is what the table makes; node test/snap.ts writes it anew', (t) => {
  const kept = readFileSync(new URL('../../docs/machine-life.md', import.meta.url), 'utf8')
  t.equal(kept, lifeDocument())
  t.end()
})

t.test('the drawing has every move of the table, and no other', (t) => {
  const [, drawing = ''] = /```mermaid\nstateDiagram-v2\n([^]*?)```/.exec(lifeDocument()) ?? []
  const drawn = [...drawing.matchAll(/^ {2}(\w+) --> (\w+): (.*)$/gm)].flatMap(
    ([, from, to, triggers = '']) => triggers.split(', ').map((trigger) => `${from} ${trigger} ${to}`),
  )
  t.strictSame(
    drawn.toSorted(),
    transitions.map(({ from, trigger, to }) => `${from} ${trigger} ${to}`).toSorted(),
  )
  t.match(drawing, /^ {2}\[\*\] --> discovered: /m)
  t.end()
})

t.test('every state with its limit and every trigger with what it does stand in a row of their own', (t) => {
  const text = lifeDocument()
  for (const [state, meaning] of Object.entries(stateMeanings)) {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${state}\` | `))
    t.ok(row?.includes(meaning), state)
    t.equal(row?.endsWith(' none |'), !Object.hasOwn(timeLimitMs, state), state)
  }
  for (const [cause, { meaning, nextStep }] of Object.entries(failureCauses)) {
    t.ok(text.includes(`| \`${cause}\` | ${meaning} | ${nextStep} |`), cause)
  }
  for (const [trigger, meaning] of Object.entries(triggerMeanings)) {
    t.ok(text.includes(`| \`${trigger}\` | ${meaning} | `), trigger)
    t.ok(
      transitions.some((one) => one.trigger === trigger),
      `${trigger} moves somebody`,
    )
  }
  t.end()
})
