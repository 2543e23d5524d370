import { deepStrictEqual, ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import { encode } from '../../server/dhcp/encode.ts'
import { sizeOfOption } from '../../server/dhcp/write-options.ts'
import { bytesOfText, textUpToNul } from '../../server/wire/text.ts'
import { golden, goldenBytes, goldenNames, messageOf } from './golden.ts'
import { anyMessage, inOrder, someMessage } from './messages.ts'

const largest = 65_507

t.test('what is written is read back the same', (t) => {
  let long = 0
  fc.assert(
    fc.property(anyMessage, (message) => {
      const { bytes, dropped } = encode(message, { maxBytes: largest })
      if ([...message.options.values()].some(({ length }) => length > 255)) long++
      deepStrictEqual(dropped, [])
      deepStrictEqual(inOrder(messageOf(bytes)), inOrder(message))
    }),
    { numRuns: 1_000 },
  )
  t.ok(long > 50, `${long} messages had options in parts`)
  t.end()
})

t.test('every golden packet comes through reading and writing unchanged', (t) => {
  for (const name of goldenNames) {
    const message = golden(name)
    const { bytes, dropped } = encode(message, { maxBytes: 1472 })
    t.same(dropped, [], name)
    t.strictSame(inOrder(messageOf(bytes)), inOrder(message), name)
  }
  t.end()
})

t.test('a reply of dnsmasq is written again byte for byte, its padding aside', (t) => {
  for (const name of ['offer-dnsmasq-http', 'ack-dnsmasq-pxe', 'ack-dnsmasq-system']) {
    const theirs = goldenBytes(name)
    const ours = Buffer.from(encode(golden(name)).bytes)
    const length = theirs.lastIndexOf(255) + 1
    t.ok(length > 240)
    t.same(ours.subarray(0, length), theirs.subarray(0, length), name)
  }
  t.end()
})

t.test('within any limit, what is not reported as dropped arrives whole', (t) => {
  let overloaded = 0
  let dropping = 0
  fc.assert(
    fc.property(anyMessage, fc.integer({ min: 0, max: 1_500 }), (message, maxBytes) => {
      const { bytes, dropped } = encode(message, { maxBytes })
      const back = messageOf(bytes)
      if (message.file === '' && textUpToNul(bytes.subarray(108, 236)) !== '') overloaded++
      if (dropped.length > 0) dropping++
      const left = new Map([...message.options].filter(([code]) => !dropped.includes(code)))
      ok(bytes.length >= 300 && bytes.length <= Math.max(300, maxBytes), `${bytes.length} bytes`)
      deepStrictEqual(back.options.size + dropped.length, message.options.size)
      deepStrictEqual(inOrder(back), inOrder({ ...message, options: left }))
    }),
    { numRuns: 2_000 },
  )
  t.ok(overloaded > 30, `${overloaded} had options in file or sname`)
  t.ok(dropping > 100, `${dropping} dropped some`)
  t.end()
})

t.test('nothing is dropped that the options field alone has room for', (t) => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const size = [...message.options.values()].reduce((sum, { length }) => sum + sizeOfOption(length), 0)
      const exact = Math.max(300, 240 + size + 1)
      const { bytes, dropped } = encode(message, { maxBytes: exact })
      return dropped.length === 0 && bytes.length === exact
    }),
    { numRuns: 500 },
  )
  t.pass('in 500 messages')
  t.end()
})

t.test('53 comes first and 82 last before the end, wherever the message has them', (t) => {
  const options = new Map([
    [82, Uint8Array.of(1, 1, 9)],
    [60, bytesOfText('PXEClient')],
    [53, Uint8Array.of(2)],
    [1, Uint8Array.of(255, 255, 255, 0)],
  ])
  const { bytes } = encode(someMessage({ options }))
  t.same([...bytes.subarray(240, 243)], [53, 1, 2])
  const end = bytes.lastIndexOf(255)
  t.same([...bytes.subarray(end - 5, end + 1)], [82, 3, 1, 1, 9, 255])
  t.equal(bytes.length, 300)
  t.ok(
    bytes.subarray(end + 1).every((byte) => byte === 0),
    'zeros behind the end',
  )
  t.end()
})

t.test('82 stays last in the options field when others move out of it', (t) => {
  const options = new Map([
    [82, new Uint8Array(100).fill(8)],
    [53, Uint8Array.of(5)],
    [54, Uint8Array.of(192, 168, 7, 1)],
    [15, new Uint8Array(120).fill(1)],
    [67, new Uint8Array(100).fill(2)],
  ])
  const { bytes, dropped } = encode(someMessage({ options }))
  t.same(dropped, [])
  t.same([...bytes.subarray(240, 246)], [53, 1, 5, 52, 1, 1], '53, then the overload into file')
  t.equal(bytes[108], 15)
  const end = bytes.lastIndexOf(255)
  t.equal(bytes[end - 102], 82)
  t.end()
})

t.test('file before sname takes what does not fit, and a field with a name takes nothing', (t) => {
  const filler = new Map([...Array(40)].map((_, i) => [200 + i, new Uint8Array(10).fill(i)]))
  const both = encode(someMessage({ options: filler }))
  t.same(both.dropped, [])
  t.equal(both.bytes[240 + 2], 3, 'file and sname')
  const named = encode(someMessage({ options: filler, file: 'snponly.efi', sname: '192.168.7.1' }))
  t.equal(messageOf(named.bytes).file, 'snponly.efi')
  t.equal(messageOf(named.bytes).sname, '192.168.7.1')
  t.same(
    named.dropped,
    Array.from({ length: 15 }, (_, i) => 225 + i),
    'the last of the message are dropped',
  )
  t.end()
})

t.test('what a client can least do without is kept before the rest', (t) => {
  const options = new Map([
    [12, new Uint8Array(30)],
    [15, new Uint8Array(30)],
    [3, new Uint8Array(4)],
    [67, new Uint8Array(30)],
    [82, new Uint8Array(20)],
    [54, new Uint8Array(4)],
    [53, Uint8Array.of(2)],
  ])
  const { dropped } = encode(someMessage({ options, file: 'f', sname: 's' }), { maxBytes: 330 })
  t.same(dropped, [12, 15])
  t.end()
})

t.test('an option 82 too long for the options field is dropped, not put where no relay looks', (t) => {
  const options = new Map([
    [53, Uint8Array.of(2)],
    [82, new Uint8Array(100)],
  ])
  const { bytes, dropped } = encode(someMessage({ options }), { maxBytes: 300 })
  t.same(dropped, [82])
  t.same([...messageOf(bytes).options.keys()], [53])
  t.end()
})

t.test('names end in NUL, and one too long goes into its option', (t) => {
  const fits = encode(someMessage({ file: 'f'.repeat(127), sname: 's'.repeat(63) })).bytes
  t.equal(messageOf(fits).file, 'f'.repeat(127))
  t.equal(fits[235], 0)
  t.equal(fits[107], 0)
  const long = messageOf(encode(someMessage({ file: 'f'.repeat(128), sname: 's'.repeat(64) })).bytes)
  t.same([long.file, long.sname], ['', ''])
  t.same(long.options.get(67), bytesOfText('f'.repeat(128)))
  t.same(long.options.get(66), bytesOfText('s'.repeat(64)))
  const both = someMessage({ file: 'f'.repeat(128), options: new Map([[67, bytesOfText('http://s/')]]) })
  t.same(
    messageOf(encode(both).bytes).options.get(67),
    bytesOfText('http://s/'),
    'not over one that is there',
  )
  t.end()
})

t.test('a long name counts in bytes, not in letters', (t) => {
  const message = messageOf(encode(someMessage({ file: 'ü'.repeat(64) })).bytes)
  t.equal(message.file, '')
  t.same(message.options.get(67), bytesOfText('ü'.repeat(64)))
  t.end()
})

t.test('codes that cannot be written are reported', (t) => {
  const nothing = new Uint8Array(0)
  const options = new Map([0, 255, 256, -1, 1.5, 12].map((code) => [code, nothing]))
  const { bytes, dropped } = encode(someMessage({ options }))
  t.same(dropped, [0, 255, 256, -1, 1.5])
  t.same([...messageOf(bytes).options.keys()], [12])
  t.end()
})

t.test('an overload in the message is not copied: it tells of another packet', (t) => {
  const { bytes, dropped } = encode(someMessage({ file: 'x', options: new Map([[52, Uint8Array.of(3)]]) }))
  t.equal(bytes.indexOf(52, 240), -1)
  t.same(dropped, [])
  t.equal(messageOf(bytes).file, 'x')
  t.end()
})
