import { ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { duration, sentence, size } from '../../server/events/sentence.ts'
import { printable } from '../../server/wire/text.ts'
import { samples } from './samples.ts'

const all: readonly ApplianceEvent[] = Object.values(samples)

t.test('every event is said in one printable line without a hole', (t) => {
  t.ok(all.length >= 30)
  for (const event of all) {
    const text = sentence(event)
    t.notMatch(text, /undefined|null|NaN|\[object|\?/, text)
    t.match(text, /^\S.{4,}\S$/, event.kind)
    t.equal(printable(text, 400), text, event.kind)
  }
  t.end()
})

t.test('no two kinds are said alike', (t) => {
  t.equal(new Set(all.map(sentence)).size, all.length)
  t.end()
})

t.test('what makes an event special stands in its sentence', (t) => {
  const says = (event: ApplianceEvent, text: string) => t.equal(sentence(event), text)
  says(samples['address-leased'], '10.0.0.10 leased to the system node-1 for 12 h')
  says(samples['program-sent'], 'snponly.efi sent by TFTP, 238.0 KiB in 48 ms, 2 blocks sent again')
  says(
    { ...samples['program-sent'], resentBlocks: 1 },
    'snponly.efi sent by TFTP, 238.0 KiB in 48 ms, 1 block sent again',
  )
  says({ ...samples['program-sent'], resentBlocks: 0 }, 'snponly.efi sent by TFTP, 238.0 KiB in 48 ms')
  says(samples['file-served'], 'debian/squashfs sent by HTTP, 451.0 MiB in 4.2 s')
  says({ ...samples['file-served'], complete: false }, 'debian/squashfs broke off after 451.0 MiB')
  says(
    { ...samples['program-not-sent'], expected: false, because: 'nobody answered' },
    'snponly.efi not sent: nobody answered',
  )
  says(samples['cloud-init-finished'], 'cloud-init modules-final done, SUCCESS')
  says(
    { ...samples['machine-state-changed'], to: 'failed', cause: 'system-not-started', because: 'so' },
    'approved → failed (system-not-started): so',
  )
  says(samples['machine-state-changed'], 'approved → installing: it was told to run the image debian')
  t.end()
})

t.test('text from the network cannot move the cursor, hide a letter or flood the line', (t) => {
  const hostile = fc.string({ unit: 'binary', maxLength: 600 })
  fc.assert(
    fc.property(fc.constantFrom(...all), hostile, (event, text) => {
      const filled = Object.fromEntries(
        Object.entries(event).map(([name, value]) =>
          name === 'kind' || typeof value !== 'string' ? [name, value] : [name, text],
        ),
      ) as ApplianceEvent
      const said = sentence(filled)
      ok(said.length <= 400)
      ok(said === printable(said, 400), JSON.stringify(said))
    }),
    { numRuns: 2_000 },
  )
  t.end()
})

t.test('sizes and durations are rounded as people say them', (t) => {
  t.strictSame([0, 1023, 1024, 1_048_575, 1_048_576].map(size), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1024.0 KiB',
    '1.0 MiB',
  ])
  t.strictSame([0, 119, 120, 7199, 7200, 43_200].map(duration), [
    '0 s',
    '119 s',
    '2 min',
    '120 min',
    '2 h',
    '12 h',
  ])
  t.end()
})
