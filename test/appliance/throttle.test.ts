import { ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import { Throttle } from '../../server/appliance/throttle.ts'

const limits = { burst: 3, perSecond: 0.5, mostKeys: 2 }

function passes(throttle: Throttle, key: string, ...times: readonly number[]): readonly boolean[] {
  return times.map((at) => throttle.pass(key, at).passes)
}

t.test('a burst passes, then one as often as the rate allows', (t) => {
  const throttle = new Throttle(limits)
  t.strictSame(passes(throttle, 'a', 0, 0, 0, 0, 1_999, 2_000, 2_000, 3_999, 4_000), [
    true,
    true,
    true,
    false,
    false,
    true,
    false,
    false,
    true,
  ])
  t.end()
})

t.test('a minute of rest gives back one token where the rate is one a minute', (t) => {
  const throttle = new Throttle({ burst: 1, perSecond: 1 / 60, mostKeys: 1 })
  t.strictSame(passes(throttle, 'a', 0, 59_999, 60_000), [true, false, true])
  t.end()
})

t.test('no rest, however long, gives more than a burst', (t) => {
  const throttle = new Throttle(limits)
  t.strictSame(passes(throttle, 'a', 0, 1e12, 1e12, 1e12, 1e12), [true, true, true, true, false])
  t.end()
})

t.test('how many were held back is told with the next that passes, once', (t) => {
  const throttle = new Throttle(limits)
  passes(throttle, 'a', 0, 0, 0, 0, 0)
  t.strictSame(throttle.pass('a', 0), { passes: false, heldBack: 0 })
  t.strictSame(throttle.pass('a', 4_000), { passes: true, heldBack: 3 })
  t.strictSame(throttle.pass('a', 4_000), { passes: true, heldBack: 0 })
  t.end()
})

t.test('keys do not share', (t) => {
  const throttle = new Throttle(limits)
  passes(throttle, 'a', 0, 0, 0, 0)
  t.strictSame(passes(throttle, 'b', 0), [true])
  t.end()
})

t.test('the key unused for the longest is forgotten first', (t) => {
  const throttle = new Throttle(limits)
  passes(throttle, 'a', 0, 0, 0)
  passes(throttle, 'b', 0, 0, 0)
  passes(throttle, 'a', 0)
  passes(throttle, 'c', 0)
  t.strictSame(passes(throttle, 'a', 0), [false])
  t.strictSame(passes(throttle, 'b', 0), [true], 'b was forgotten, and begins anew')
  t.end()
})

t.test('a clock that was set back takes nothing away and gives nothing', (t) => {
  const throttle = new Throttle(limits)
  t.strictSame(passes(throttle, 'a', 10_000, 10_000, 10_000, 0, 2_000), [true, true, true, false, true])
  t.end()
})

t.test('over any time no more pass than the burst and the rate allow', (t) => {
  const steps = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 })
  fc.assert(
    fc.property(steps, (pauses) => {
      const throttle = new Throttle(limits)
      let [now, passed] = [0, 0]
      for (const pause of pauses) {
        now += pause
        if (throttle.pass('a', now).passes) passed++
      }
      ok(passed <= limits.burst + (now / 1_000) * limits.perSecond)
    }),
  )
  t.end()
})
