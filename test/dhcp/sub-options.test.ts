import * as fc from 'fast-check'
import t from 'tap'
import { encapsulatedSubOptions, plainSubOptions } from '../../server/dhcp/sub-options.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

t.test('0 and 255 are marks in option 43 and sub-options in option 82', (t) => {
  const value = bytes(0, 1, 9, 255, 1, 8)
  t.same(
    [...plainSubOptions(value)],
    [
      [0, bytes(9)],
      [255, bytes(8)],
    ],
  )
  t.same([...encapsulatedSubOptions(value)], [], 'behind the pad, 1 says it has 9 bytes')
  t.same(
    [...encapsulatedSubOptions(bytes(0, 0, 6, 1, 8, 255, 7, 1, 1))],
    [[6, bytes(8)]],
    'nothing behind the end',
  )
  t.end()
})

t.test('what is torn off at the end is left out', (t) => {
  t.same([...plainSubOptions(bytes(1, 2, 5, 5, 2, 4, 1)).keys()], [1])
  t.same([...plainSubOptions(bytes(1, 2, 5, 5, 2)).keys()], [1])
  t.same([...plainSubOptions(bytes())], [])
  t.end()
})

t.test('of two alike the first counts', (t) => {
  t.same([...plainSubOptions(bytes(1, 1, 5, 1, 1, 6))], [[1, bytes(5)]])
  t.end()
})

t.test('any bytes have some sub-options or none', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
      const room = (found: ReadonlyMap<number, Uint8Array>) =>
        [...found.values()].reduce((sum, { length }) => sum + length + 2, 0)
      return (
        room(plainSubOptions(value)) <= value.length && room(encapsulatedSubOptions(value)) <= value.length
      )
    }),
  )
  t.pass('never more than there are bytes')
  t.end()
})
