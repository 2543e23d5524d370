import { ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import {
  comesBy,
  goesRound,
  roundsForgottenMs,
  roundsUntilStop,
  type Rounds,
} from '../../server/machines/rounds.ts'
import { minute, second } from './sightings.ts'

type Coming = readonly [seconds: number, way: string | undefined]

function counts(comings: readonly Coming[]): readonly number[] {
  let rounds: Rounds | undefined
  return comings.map(([at, way]) => {
    rounds = comesBy(rounds, way, at * second)
    return rounds.count
  })
}

const cases: readonly (readonly [string, readonly Coming[], readonly number[]])[] = [
  [
    'who comes by the same way again begins a new walk',
    [
      [0, 'pxe'],
      [60, 'pxe'],
      [120, 'pxe'],
    ],
    [1, 2, 3],
  ],
  [
    'other entries of a boot order are of the same walk',
    [
      [0, 'pxe'],
      [40, 'http'],
      [80, 'second card'],
      [120, 'pxe'],
      [160, 'http'],
    ],
    [1, 1, 1, 2, 2],
  ],
  [
    'after ten minutes of silence the count begins anew',
    [
      [0, 'pxe'],
      [60, 'pxe'],
      [661, 'pxe'],
    ],
    [1, 2, 1],
  ],
  [
    'a script that is asked for again within two minutes is of the same walk',
    [
      [0, 'pxe'],
      [20, undefined],
      [100, undefined],
      [121, undefined],
      [130, undefined],
    ],
    [1, 1, 1, 2, 2],
  ],
  [
    'a clock that was set back begins anew',
    [
      [900, 'pxe'],
      [960, 'pxe'],
      [5, 'pxe'],
    ],
    [1, 2, 1],
  ],
]

for (const [name, comings, expected] of cases) {
  t.test(name, (t) => {
    t.strictSame(counts(comings), expected)
    t.end()
  })
}

t.test('the times of the first walk, of the latest and of the last sign are kept apart', (t) => {
  const first = comesBy(undefined, 'pxe', 5)
  const second_ = comesBy(comesBy(first, 'http', 50), 'pxe', 100)
  t.strictSame(comesBy(second_, 'http', 130), {
    ways: ['pxe', 'http'],
    count: 2,
    since: 5,
    began: 100,
    latest: 130,
  })
  t.end()
})

t.test('whoever comes back often enough goes round, and is remembered in a bounded record', (t) => {
  const coming = fc.tuple(
    fc.integer({ min: 1, max: roundsForgottenMs }),
    fc.option(fc.stringMatching(/^[a-z]{1,2}$/), { nil: undefined }),
  )
  fc.assert(
    fc.property(fc.array(coming, { minLength: 1, maxLength: 30 }), (comings) => {
      let rounds: Rounds | undefined
      let at = 0
      // The same comings over and over: no choice of ways and gaps stays below the limit for ever.
      for (let turn = 0; at < roundsUntilStop * 20 * roundsForgottenMs; turn++) {
        const [gap, way] = comings[turn % comings.length]!
        at += Math.max(gap, 10 * second)
        rounds = comesBy(rounds, way, at)
        ok(rounds.ways.length <= 16)
        ok(rounds.since <= rounds.began && rounds.began <= rounds.latest)
      }
      ok(goesRound(rounds))
    }),
    { numRuns: 100 },
  )
  t.end()
})

t.test('a machine that is started anew each quarter of an hour never goes round', (t) => {
  let rounds: Rounds | undefined
  for (let at = 0; at < 100 * 15 * minute; at += 15 * minute) {
    rounds = comesBy(rounds, 'pxe', at)
    t.notOk(goesRound(rounds))
  }
  t.notOk(goesRound(undefined))
  t.end()
})
