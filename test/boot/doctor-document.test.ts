import { readFileSync } from 'node:fs'
import t from 'tap'
import { entryOf, verdicts } from '../../server/boot/diagnoses.ts'
import { doctorDocument } from '../../server/boot/doctor-document.ts'

t.test('docs/boot-doctor.md is what the catalogue makes; node test/snap.ts writes it anew', (t) => {
  const kept = readFileSync(new URL('../../docs/boot-doctor.md', import.meta.url), 'utf8')
  t.equal(kept, doctorDocument())
  t.end()
})

t.test('every verdict has one heading, with its meaning, its causes and its next step below it', (t) => {
  const text = doctorDocument()
  const headings = [...text.matchAll(/^### (.*)$/gm)].map((found) => found[1] ?? '')
  t.strictSame(headings.toSorted(), [...verdicts].toSorted())
  for (const verdict of verdicts) {
    const [, section = ''] = text.split(`### ${verdict}\n`)
    const [own = ''] = section.split(/\n##+ /)
    const { meaning, causes = [], nextStep } = entryOf(verdict)
    for (const part of [meaning, ...causes.map((cause) => `- ${cause}\n`)]) t.ok(own.includes(part), part)
    if (nextStep !== undefined) t.ok(own.includes(`**Next step:** ${nextStep}`), verdict)
  }
  t.end()
})
