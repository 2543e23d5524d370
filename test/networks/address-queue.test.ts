import * as fc from 'fast-check'
import t from 'tap'
import { AddressQueue } from '../../server/networks/address-queue.ts'

t.test('addresses come out by their time, whatever was put, moved and removed before', async (t) => {
  const change = fc.record({
    address: fc.integer({ min: 0, max: 40 }),
    at: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const queue = new AddressQueue()
      const model = new Map<number, number>()
      for (const { address, at } of changes) {
        if (at === undefined) {
          queue.remove(address)
          model.delete(address)
        } else {
          queue.put(address, at)
          model.set(address, at)
        }
      }
      const expected = [...model].map(([address, at]) => ({ address, at }))
      expected.sort((a, b) => a.at - b.at || a.address - b.address)
      const out = []
      for (let first = queue.first; first !== undefined; first = queue.first) {
        out.push(first)
        queue.remove(first.address)
      }
      t.strictSame(out, expected)
      return queue.size === 0
    }),
  )
})
