import { readFileSync } from 'node:fs'
import t from 'tap'
import { catalogue } from '../../server/events/catalogue.ts'
import { eventsDocument } from '../../server/events/events-document.ts'

t.test('docs/events.md is what the catalogue makes; node test/snap.ts writes it anew', (t) => {
  const kept = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8')
  t.equal(kept, eventsDocument())
  t.end()
})

t.test('every kind has one heading, and its explanation stands below it', (t) => {
  const text = eventsDocument()
  const headings = [...text.matchAll(/^### (.*)$/gm)].map((found) => found[1] ?? '')
  t.strictSame(headings.toSorted(), Object.keys(catalogue).toSorted())
  for (const [kind, { level, meaning, nextStep }] of Object.entries(catalogue)) {
    t.ok(text.includes(`### ${kind}\n\n${meaning}\n`), kind)
    if (nextStep !== undefined) t.ok(text.includes(`${meaning}\n\n**Next step:** ${nextStep}\n`), kind)
    t.ok(text.indexOf(`## ${level}\n`) < text.indexOf(`### ${kind}\n`), `${kind} stands under ${level}`)
  }
  t.end()
})
