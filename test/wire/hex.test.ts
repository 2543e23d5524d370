import * as fc from 'fast-check'
import t from 'tap'
import { hexOf, parseHex } from '../../server/wire/hex.ts'

t.test('bytes and digits are each other, with any separator', (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom('', ' ', ':', '-', '\n', ' - '), (bytes, separator) => {
      const text = hexOf(bytes, separator)
      t.equal(text, Array.from(bytes, (byte) => Buffer.of(byte).toString('hex')).join(separator))
      t.same(parseHex(text), bytes)
      t.same(parseHex(text.toUpperCase()), bytes)
    }),
    { numRuns: 60 },
  )
  t.end()
})

t.test('half a pair, and a pair torn apart, are no bytes', (t) => {
  for (const text of ['0', '012', '0x12', '1 2', '1:2:3:4', '0g', 'é0', ':00', '00:']) {
    t.equal(parseHex(text), undefined, text)
  }
  t.same(parseHex(' 00 ff\n'), Uint8Array.of(0, 255))
  t.same(parseHex(''), new Uint8Array(0))
  t.end()
})

t.test('a long text that is none is refused at once', (t) => {
  const began = process.cpuUsage()
  t.equal(parseHex(`${'00 '.repeat(200_000)}x`), undefined)
  t.equal(parseHex(`00${' '.repeat(200_000)}x`), undefined)
  // Of the processor, which others may have meanwhile.
  const { user, system } = process.cpuUsage(began)
  t.ok(user + system < 1_000_000, `${user + system} µs`)
  t.end()
})
