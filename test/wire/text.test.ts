import * as fc from 'fast-check'
import t from 'tap'
import { bytesOfText, printable, textUpToNul } from '../../server/wire/text.ts'

/** Any characters there are, harmless or not. */
const anyText = fc
  .array(
    fc.oneof(
      fc.nat(0xff),
      fc.integer({ min: 0x2000, max: 0x206f }),
      fc.nat(0x10_ffff).filter((code) => code < 0xd800 || code > 0xdfff),
    ),
    { maxLength: 60 },
  )
  .map((codes) => String.fromCodePoint(...codes))

t.test('a field ends at its first NUL, or at its end', (t) => {
  t.equal(textUpToNul(Uint8Array.of(65, 66, 0, 67)), 'AB')
  t.equal(textUpToNul(Uint8Array.of(65, 66)), 'AB')
  t.equal(textUpToNul(Uint8Array.of(0, 65)), '')
  t.equal(textUpToNul(new Uint8Array(0)), '')
  t.end()
})

t.test('any text without a NUL comes back from its bytes', (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const [before = ''] = text.split('\0')
      return textUpToNul(bytesOfText(text)) === before
    }),
  )
  t.equal(textUpToNul(bytesOfText('\ufeffnode')), '\ufeffnode', 'also one that begins with a byte order mark')
  t.end()
})

t.test('bytes that are no UTF-8 are shown as such', (t) => {
  t.equal(textUpToNul(Uint8Array.of(65, 0xff, 66)), 'A\ufffdB')
  t.end()
})

t.test('nothing printable moves a cursor, breaks a line or turns the direction', (t) => {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  const harmful = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, limit) => {
      const shown = printable(text, limit)
      return !harmful.test(shown) && shown.length <= limit && shown.isWellFormed()
    }),
    { numRuns: 500 },
  )
  t.equal(printable('a\u001b[31mb\r\nc'), 'a\ufffd[31mb\ufffd\ufffdc')
  t.equal(printable('gpj\u202eexe'), 'gpj\ufffdexe')
  t.equal(printable('Zürich – 東京'), 'Zürich – 東京')
  t.end()
})

t.test('what is too long is cut between characters', (t) => {
  t.equal(printable('a'.repeat(120)), 'a'.repeat(120))
  t.equal(printable('a'.repeat(121)), `${'a'.repeat(119)}…`)
  t.equal(printable('aa😀aa', 4), 'aa\ufffd…', 'or shows that it was not')
  t.end()
})
