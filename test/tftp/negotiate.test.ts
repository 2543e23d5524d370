import * as fc from 'fast-check'
import t from 'tap'
import { ceilingsOf, negotiate } from '../../server/tftp/negotiate.ts'

const ethernet = ceilingsOf(1_500)
const answer = (options: Record<string, string>, byteCount = 1_000) =>
  Object.fromEntries(negotiate(new Map(Object.entries(options)), byteCount, ethernet).granted)

t.test('what was not asked for is not granted', (t) => {
  t.same(negotiate(new Map(), 1_000, ethernet), {
    terms: { blockBytes: 512, windowBlocks: 1, timeoutMs: undefined },
    granted: new Map(),
  })
  t.end()
})

t.test('each option is granted as far as it can be', (t) => {
  for (const [option, value, granted] of [
    ['blksize', '1428', '1428'],
    ['blksize', '8', '8'],
    ['blksize', '1469', '1468'],
    ['blksize', '65464', '1468'],
    ['windowsize', '1', '1'],
    ['windowsize', '4', '4'],
    ['windowsize', '65535', '16'],
    ['timeout', '1', '1'],
    ['timeout', '255', '255'],
    ['tsize', '0', '1000'],
  ] as const) {
    t.same(answer({ [option]: value }), { [option]: granted }, `${option} ${value}`)
  }
  t.end()
})

t.test('values that make no sense are left out, and the rest is granted', (t) => {
  for (const [option, value] of [
    ['blksize', '7'],
    ['blksize', '65465'],
    ['blksize', '70000'],
    ['blksize', '-1'],
    ['blksize', ''],
    ['blksize', '1428x'],
    ['blksize', '1e3'],
    ['blksize', '0x200'],
    ['blksize', ' 512'],
    ['blksize', '99999999999999999999'],
    ['windowsize', '0'],
    ['windowsize', '65536'],
    ['timeout', '0'],
    ['timeout', '256'],
    ['tsize', 'many'],
    ['multicast', ''],
    ['__proto__', '1'],
  ] as const) {
    const both = new Map([
      [option, value],
      ['tsize', option === 'tsize' ? value : '0'],
    ])
    const { granted, terms } = negotiate(both, 1_000, ethernet)
    t.notOk(granted.has(option), `${option} ${JSON.stringify(value)}`)
    t.equal(granted.has('tsize'), option !== 'tsize')
    t.equal(terms.blockBytes, 512)
  }
  t.end()
})

t.test('a size of nothing is not said, since curl takes it for an error', (t) => {
  t.same(answer({ tsize: '0', blksize: '600' }, 0), { blksize: '600' })
  t.end()
})

t.test('blocks fit into one frame of the interface', (t) => {
  for (const [mtu, blockBytes] of [
    [1_500, 1_468],
    [9_000, 8_968],
    [1_280, 1_248],
    [65_536, 65_464],
    [0, 8],
  ] as const) {
    t.equal(ceilingsOf(mtu).blockBytes, blockBytes, `MTU ${mtu}`)
  }
  t.end()
})

t.test('nothing granted is more than what was asked', (t) => {
  const name = fc.constantFrom('blksize', 'windowsize', 'timeout')
  const text = fc.oneof(fc.nat({ max: 70_000 }).map(String), fc.string())
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, text), { selector: ([key]) => key }), (pairs) => {
      for (const [key, value] of negotiate(new Map(pairs), 1_000, ethernet).granted) {
        const wanted = Number(pairs.find(([name]) => name === key)?.[1])
        t.ok(Number(value) <= wanted && Number(value) >= 1)
      }
    }),
  )
  t.end()
})
