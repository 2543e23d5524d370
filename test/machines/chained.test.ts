import t from 'tap'
import { chainsAgain, chainsForEver, mostChained, type Chained } from '../../server/machines/chained.ts'
import { minute, second } from './sightings.ts'

function after(...asks: readonly (readonly [seconds: number, xid: number])[]): Chained {
  let chained: Chained | undefined
  for (const [at, xid] of asks) chained = chainsAgain(chained, { xid, at: at * second })
  return chained!
}

t.test('each transaction counts once, however often it is repeated', (t) => {
  t.strictSame(after([0, 7], [1, 7], [3, 7]), { xid: 7, count: 1, latest: 3 * second })
  t.match(after([0, 7], [20, 8], [21, 8], [40, 9]), { count: 3 })
  t.end()
})

t.test('who comes back after the last program that is given would come back for ever', (t) => {
  const asks = Array.from({ length: mostChained + 1 }, (_, index) => [index * 20, index] as const)
  t.notOk(chainsForEver(after(...asks.slice(0, -1))))
  t.ok(chainsForEver(after(...asks)))
  t.end()
})

t.test('after ten minutes, or when the clock was set back so far, it is tried again', (t) => {
  const often = after([0, 1], [20, 2], [40, 3], [60, 4])
  t.match(chainsAgain(often, { xid: 5, at: 70 * second }), { count: 5 })
  t.match(chainsAgain(often, { xid: 5, at: 11 * minute + 1 }), { count: 1 })
  t.match(chainsAgain({ ...often, latest: 60 * minute }, { xid: 5, at: 0 }), { count: 1 })
  t.end()
})
