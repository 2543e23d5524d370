import { deepStrictEqual, ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import {
  failuresOfWorking,
  heardAsking,
  heardFetching,
  heardLeaving,
  isExhausted,
  proxyStrategies,
  withoutTrial,
  type Ask,
  type ProxyLadder,
  type ProxyStrategy,
} from '../../server/machines/proxy-ladder.ts'
import { macNumber } from '../networks/a-network.ts'
import { second } from './sightings.ts'

const mac = macNumber(1)

function ask(seconds: number, xid = 7, changes: Partial<Ask> = {}): Ask {
  return { mac, xid, secs: 0, at: seconds * second, ...changes }
}

/** Asks one after another, without anything being fetched; the strategies that were offered. */
function offered(asks: readonly Ask[], start?: ProxyLadder) {
  let ladder = start
  const strategies: ProxyStrategy[] = []
  const changes: string[] = []
  for (const one of asks) {
    const climb = heardAsking(ladder, one)
    ladder = climb.ladder
    strategies.push(ladder.strategy)
    if (climb.change !== undefined) changes.push(`${climb.change.from} → ${climb.change.to}`)
  }
  return { strategies, changes, ladder: ladder! }
}

/** What a second conversation is offered after asks that led to nothing. */
const conversations: readonly (readonly [string, readonly Ask[], readonly number[]])[] = [
  ['asks at 0, 4, 12, 28 and 60 s are one boot', [0, 4, 12, 28, 60].map((at) => ask(at)), [0, 0, 0, 0, 0]],
  [
    'a ROM that numbers its asks anew but counts its seconds goes on with the same boot',
    [0, 4, 12, 28, 60].map((at) => ask(at, at, { secs: at })),
    [0, 0, 0, 0, 0],
  ],
  [
    'a ROM that begins its count with 4 is in the same boot',
    [0, 4, 12, 28].map((at) => ask(at, at, { secs: at + 4 })),
    [0, 0, 0, 0],
  ],
  ['asks within three seconds are one, whoever numbers them', [ask(0), ask(2, 8), ask(5, 9)], [0, 0, 0]],
  ['two cards that ask together are in one boot', [ask(0), ask(2, 9, { mac: macNumber(2) })], [0, 0]],
  ['another number after four seconds is another boot', [ask(0), ask(4, 8)], [0, 1]],
  ['another card later is another boot', [ask(0), ask(5, 7, { mac: macNumber(2) })], [0, 1]],
  ['the same number after 64 s is another boot', [ask(0), ask(65)], [0, 1]],
  [
    'a client that never falls silent is in another boot after 64 s at the latest',
    Array.from({ length: 40 }, (_, index) => ask(index * 2, index)),
    [...Array<number>(33).fill(0), ...Array<number>(7).fill(1)],
  ],
  [
    'a ROM with one number for ever is offered each form, and the first again',
    [0, 100, 200, 300].map((at) => ask(at)),
    [0, 1, 2, 0],
  ],
  ['a clock that was set back costs nothing', [ask(1_000), ask(5, 8), ask(9, 8), ask(20, 9)], [0, 0, 0, 1]],
]

for (const [name, asks, rungs] of conversations) {
  t.test(name, (t) => {
    t.strictSame(
      offered(asks).strategies,
      rungs.map((rung) => proxyStrategies[rung]),
    )
    t.end()
  })
}

t.test('each change says from what to what, and why', (t) => {
  const { changes, ladder } = offered([0, 100, 200, 300].map((at) => ask(at)))
  t.strictSame(changes, ['with-43 → without-43', 'without-43 → boot-server', 'boot-server → with-43'])
  t.strictSame(heardAsking(ladder, ask(400)).change, {
    from: 'with-43',
    to: 'without-43',
    because: 'firmware was offered with-43, fetched nothing, and asks anew',
  })
  t.end()
})

t.test('a file that was only asked for is no failure, and no proof either', (t) => {
  const first = heardAsking(undefined, ask(0)).ladder
  const touched = heardFetching(first, mac, 'part')
  t.match(touched, { strategy: 'with-43', worked: false })
  const again = heardAsking(touched, ask(100))
  t.equal(again.change, undefined)
  t.match(again.ladder, { strategy: 'with-43', failures: 0, trial: { fetched: false } })
  t.match(
    heardAsking(touched, ask(4)).ladder,
    { trial: { fetched: true } },
    'a repeated ask takes nothing back',
  )
  t.end()
})

t.test('a whole file proves the strategy; what another card fetches says nothing', (t) => {
  const first = offered([ask(0), ask(100)]).ladder
  t.strictSame(heardFetching(first, macNumber(2), 'whole'), first)
  t.strictSame(heardFetching(first, mac, 'whole'), { strategy: 'without-43', worked: true, failures: 0 })
  const both = offered([ask(0), ask(1, 9, { mac: macNumber(2) })]).ladder
  t.match(heardFetching(both, macNumber(2), 'whole'), { worked: true }, 'either of two that asked together')
  const proven: ProxyLadder = { strategy: 'without-43', worked: true, failures: 0 }
  t.equal(heardFetching(proven, mac, 'whole'), proven, 'the next file of the same boot is no news')
  t.end()
})

t.test('a strategy that has worked stays through failures, until so many came in a row', (t) => {
  let ladder: ProxyLadder = { strategy: 'boot-server', worked: true, failures: 0 }
  let at = 0
  const boot = () => heardAsking(ladder, ask((at += 100)))
  ladder = boot().ladder
  for (let failure = 1; failure < failuresOfWorking; failure++) {
    const climb = boot()
    t.equal(climb.change, undefined)
    ladder = climb.ladder
    t.match(ladder, { strategy: 'boot-server', worked: true, failures: failure })
  }
  ladder = heardFetching(ladder, mac, 'whole')
  t.match(ladder, { strategy: 'boot-server', failures: 0 }, 'a boot between begins the count anew')
  for (let failure = 0; failure < failuresOfWorking; failure++) ladder = boot().ladder
  const { change, ladder: left } = boot()
  t.match(change, { from: 'boot-server', to: 'with-43', because: /^3 boots in a row .* worked before$/ })
  t.match(left, { strategy: 'with-43', worked: false, failures: 1 })
  t.end()
})

t.test('the ladder is exhausted when every strategy has failed since one worked', (t) => {
  const asks = [0, 100, 200, 300].map((at) => ask(at))
  t.strictSame(
    asks.map((_, index) => isExhausted(offered(asks.slice(0, index + 1)).ladder)),
    [false, false, false, true],
  )
  t.equal(isExhausted({ strategy: 'with-43', worked: true, failures: 5 }), false)
  t.end()
})

t.test('firmware that goes on to HTTP has had nothing from PXE, unless it fetched', (t) => {
  const asked = heardAsking(undefined, ask(0)).ladder
  t.match(heardLeaving(asked, 20 * second), {
    ladder: { strategy: 'without-43', failures: 1 },
    change: { to: 'without-43' },
  })
  t.strictSame(heardLeaving(asked, 2 * second), { ladder: asked }, 'another card may ask at the same time')
  const left = heardLeaving(heardFetching(asked, mac, 'part'), 20 * second)
  t.strictSame(left, { ladder: { strategy: 'with-43', worked: false, failures: 0 } })
  t.strictSame(heardLeaving(left.ladder, 40 * second), left)
  t.end()
})

t.test('what was offered by the settings’ own choice is no trial of the ladder', (t) => {
  const asked = heardAsking(undefined, ask(0)).ladder
  const fixed = withoutTrial(asked)
  t.equal(heardAsking(fixed, ask(500)).change, undefined)
  t.strictSame(withoutTrial(fixed), fixed)
  t.end()
})

const gapMs = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 600_000 }))
const anAsk = fc.record({
  gapMs,
  xid: fc.integer({ min: 0, max: 3 }),
  secs: fc.constantFrom(0, 4, 1_024, 65_535),
  mac: fc.constantFrom(mac, macNumber(2)),
})

t.test('in whatever way a machine fails, it is offered every strategy in the end', (t) => {
  const start = fc.record({
    strategy: fc.constantFrom(...proxyStrategies),
    worked: fc.boolean(),
    failures: fc.integer({ min: 0, max: 2 }),
  })
  fc.assert(
    fc.property(fc.array(anAsk, { minLength: 1 }), start, (some, from) => {
      // The same asks over and over, until as many conversations are over as the worst start needs.
      let ladder: ProxyLadder = from
      const seen = new Set<ProxyStrategy>()
      for (let at = 1_000, turn = 0; at < 6 * 64_000 + 8 * 600_000; turn++) {
        const { gapMs: gap, ...one } = some[turn % some.length]!
        at += Math.max(gap, 10)
        const { ladder: next, change } = heardAsking(ladder, { ...one, at })
        deepStrictEqual(change === undefined ? ladder.strategy : change.to, next.strategy)
        ok(change === undefined || change.from !== change.to)
        ok(next.failures <= ladder.failures + 1)
        ladder = next
        seen.add(next.strategy)
      }
      deepStrictEqual([...seen].toSorted(), [...proxyStrategies].toSorted())
    }),
    { numRuns: 100 },
  )
  t.end()
})

t.test('firmware that takes one strategy only is booted by it at last, and keeps it', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(...proxyStrategies),
      fc.array(fc.integer({ min: 65, max: 9_999 }), { minLength: 10, maxLength: 20 }),
      (takes, gaps) => {
        let ladder: ProxyLadder | undefined
        let at = 0
        const booted: boolean[] = []
        for (const [index, gap] of gaps.entries()) {
          at += gap
          ladder = heardAsking(ladder, ask(at, index)).ladder
          const works = ladder.strategy === takes
          if (works) ladder = heardFetching(ladder, mac, 'whole')
          booted.push(works)
        }
        const first = booted.indexOf(true)
        deepStrictEqual(first, proxyStrategies.indexOf(takes))
        ok(booted.slice(first).every(Boolean), 'and every boot after')
      },
    ),
  )
  t.end()
})
