import * as fc from 'fast-check'
import t from 'tap'
import { decodeTftp } from '../../server/tftp/decode.ts'
import { encodeBlocks, encodeTftp, encodeTftpError } from '../../server/tftp/encode.ts'
import type { TftpPacket } from '../../server/tftp/packet.ts'
import { goldenBytes, goldenNames } from './golden.ts'

const notOurForm: ReadonlySet<string> = new Set([
  'read-shouting',
  'read-intel-filler',
  'read-option-twice',
  'read-cut-option',
])

t.test('a golden packet that was read is written as it was', (t) => {
  const names = goldenNames.filter((name) => !notOurForm.has(name))
  t.ok(names.length >= 10)
  for (const name of names) {
    const packet = decodeTftp(goldenBytes(name))
    if (packet.kind === 'malformed') return t.fail(packet.because)
    t.strictSame(encodeTftp(packet), goldenBytes(name), name)
  }
  return t.end()
})

t.test('what is written is read as it was', (t) => {
  const word = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !/[\0\ufeff]/.test(text))
  const optionName = word
    .map((text) => text.toLowerCase())
    .filter((text) => text !== '' && text === text.toLowerCase())
  const options = fc.array(fc.tuple(optionName, word), { maxLength: 8 }).map((pairs) => new Map(pairs))
  const plain = { noNullPrototype: true }
  const number = fc.nat({ max: 65_535 })
  const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
    fc.record(
      {
        kind: fc.constantFrom('read-request', 'write-request'),
        file: word,
        mode: fc.constantFrom('octet', 'netascii', 'mail'),
        options,
      },
      plain,
    ),
    fc.record({ kind: fc.constant('block'), block: number, bytes: fc.uint8Array({ maxLength: 600 }) }, plain),
    fc.record({ kind: fc.constant('acknowledgement'), block: number }, plain),
    fc.record({ kind: fc.constant('error'), code: number, text: word }, plain),
    fc.record({ kind: fc.constant('option-acknowledgement'), options }, plain),
  )
  fc.assert(
    fc.property(packet, (sent) => t.strictSame(decodeTftp(encodeTftp(sent)), sent)),
    { numRuns: 500 },
  )
  t.end()
})

t.test('an error carries its code and a text for a screen', (t) => {
  const packet = decodeTftp(encodeTftpError('no-such-file', `no\u0000 file\n${'x'.repeat(500)}`))
  t.match(packet, { kind: 'error', code: 1, text: /^no\u{fffd} file\u{fffd}x+…$/u })
  t.ok(encodeTftpError('not-defined', 'x'.repeat(10_000)).length < 512)
  t.end()
})

t.test('the blocks of a file, one behind the other, are the file', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 5_000 }),
      fc.integer({ min: 8, max: 1_500 }),
      fc.integer({ min: 1, max: 16 }),
      (file, blockBytes, windowBlocks) => {
        const lastBlock = Math.floor(file.length / blockBytes) + 1
        const room = new Uint8Array(windowBlocks * (blockBytes + 4)).fill(0xee)
        const parts: Uint8Array[] = []
        for (let first = 1; first <= lastBlock; first += windowBlocks) {
          const last = Math.min(lastBlock, first + windowBlocks - 1)
          const bytes = encodeBlocks(room, file, { first, last, blockBytes })
          for (let at = 0; at < bytes.length; at += blockBytes + 4) {
            const packet = decodeTftp(bytes.slice(at, at + blockBytes + 4))
            t.match(packet, { kind: 'block', block: parts.length + 1 })
            if (packet.kind === 'block') parts.push(packet.bytes)
          }
        }
        t.equal(parts.length, lastBlock)
        t.equal(Buffer.compare(Buffer.concat(parts), file), 0)
      },
    ),
  )
  t.end()
})

t.test('the number on the wire goes from 65535 to 0', (t) => {
  const file = new Uint8Array(8 * 65_540)
  const bytes = encodeBlocks(new Uint8Array(100), file, { first: 65_535, last: 65_537, blockBytes: 8 })
  const numbers = [0, 12, 24].map((at) => (bytes[at + 2]! << 8) | bytes[at + 3]!)
  t.same(numbers, [65_535, 0, 1])
  t.end()
})
