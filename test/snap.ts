// Writes the documents that are made from the code: `node test/snap.ts`. It fails when one has changed, so that the
// difference is read before it is kept; the second run is quiet.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { doctorDocument } from '../server/boot/doctor-document.ts'
import { eventsDocument } from '../server/events/events-document.ts'
import { lifeDocument } from '../server/machines/life-document.ts'

const documents: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'docs/events.md', text: eventsDocument() },
  { name: 'docs/machine-life.md', text: lifeDocument() },
  { name: 'docs/boot-doctor.md', text: doctorDocument() },
]

for (const { name, text } of documents) {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url))
  if (textOf(path) === text) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  console.log(`${name} has changed: read the difference, then commit it.`)
  process.exitCode = 1
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
