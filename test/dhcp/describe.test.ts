import { writeFileSync } from 'node:fs'
import t from 'tap'
import { describe } from '../../server/dhcp/describe.ts'
import { golden, goldenNames, goldenText } from './golden.ts'
import { someMessage } from './messages.ts'

t.test('every golden packet reads as its text says', (t) => {
  t.ok(goldenNames.length >= 29, 'the golden packets are there')
  for (const name of goldenNames) {
    const words = `${describe(golden(name))}\n`
    const { url, text } = goldenText(name)
    // Writing them anew still fails the run, so that nobody does it without looking.
    if (process.env['UPDATE_FIXTURES'] === '1' && text !== words) writeFileSync(url, words)
    t.equal(words, text, name)
  }
  t.end()
})

t.test('a client cannot write control characters into the description', (t) => {
  const name = new TextEncoder().encode('\u001b[2Jnode\r\n')
  const words = describe(someMessage({ options: new Map([[12, name]]), file: 'a\nb' }))
  t.match(words, /12 host name: "\ufffd\[2Jnode\ufffd\ufffd"/)
  t.match(words, /file: "a\ufffdb"/)
  t.equal(words.split('\n').length, 3)
  t.end()
})

t.test('values that do not keep to their form are shown as bytes', (t) => {
  const words = describe(
    someMessage({
      options: new Map([
        [53, Uint8Array.of(99)],
        [54, Uint8Array.of(1, 2, 3)],
        [51, new Uint8Array(0)],
        [93, Uint8Array.of(0)],
        [94, Uint8Array.of(2, 1, 0)],
        [97, new Uint8Array(0)],
        [224, new Uint8Array(65)],
      ]),
    }),
  )
  t.equal(
    words,
    [
      'message without a known type from client 52:54:00:12:34:56, transaction 0a0b0c0d',
      '  53 message type: 63',
      '  54 server identifier: 01 02 03',
      '  51 lease time: (empty)',
      '  93 client architecture: 00',
      '  94 client network interface: 02 01 00',
      '  97 client machine identifier: (empty)',
      `  224 option 224: ${Array(64).fill('00').join(' ')} … (65 bytes)`,
    ].join('\n'),
  )
  t.end()
})

t.test('hardware that is not Ethernet is named by its type', (t) => {
  const words = describe(someMessage({ htype: 32, hlen: 0 }))
  t.match(words, /no hardware address \(type 32\)/)
  t.match(describe(someMessage({ htype: 6, hlen: 4 })), /52 54 00 12 \(hardware type 6\)/)
  t.end()
})
