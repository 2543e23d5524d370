import t from 'tap'
import { doubled, measured, unknownRoundTrip } from '../../server/tftp/round-trip.ts'

t.test('the wait follows what was measured, between its limits', (t) => {
  let known = unknownRoundTrip(undefined)
  t.equal(known.wait, 1_000)
  for (let i = 0; i < 50; i++) known = measured(known, 0.2)
  t.equal(known.wait, 30, 'never shorter')
  for (let i = 0; i < 50; i++) known = measured(known, 100)
  t.ok(known.wait > 100 && known.wait < 200, `${known.wait} ms`)
  for (let i = 0; i < 50; i++) known = measured(known, 60_000)
  t.equal(known.wait, 6_250, 'never much longer than the time-out of a client')
  t.end()
})

t.test('each time-out doubles the wait, up to its limit', (t) => {
  const known = unknownRoundTrip(undefined)
  t.equal(doubled(known).wait, 2_000)
  let often = known
  for (let i = 0; i < 10; i++) often = doubled(often)
  t.equal(often.wait, 6_250)
  t.end()
})

t.test('a client that names its time-out is given a little longer in the end', (t) => {
  for (const [timeout, longest] of [
    [1_000, 1_250],
    [6_000, 7_500],
    [255_000, 10_000],
  ] as const) {
    let known = unknownRoundTrip(timeout)
    t.equal(known.wait, 1_000, 'it begins like any other')
    for (let i = 0; i < 10; i++) known = doubled(known)
    t.equal(known.wait, longest)
  }
  t.end()
})

t.test('a client whose answers vary is waited for longer', (t) => {
  let [steady, moody] = [unknownRoundTrip(undefined), unknownRoundTrip(undefined)]
  for (let i = 0; i < 40; i++) {
    steady = measured(steady, 50)
    moody = measured(moody, i % 2 === 0 ? 10 : 90)
  }
  t.ok(moody.wait > steady.wait * 2, `${moody.wait} against ${steady.wait} ms`)
  t.end()
})
