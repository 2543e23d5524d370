import t from 'tap'
import { doubled, measured, unknownRoundTrip } from '../../server/tftp/round-trip.ts'

t.test('the wait follows what was measured, between its limits', (t) => {
  let known = unknownRoundTrip(undefined)
  t.equal(known.wait, 300)
  for (let i = 0; i < 50; i++) known = measured(known, 0.2)
  t.equal(known.wait, 30, 'never shorter')
  for (let i = 0; i < 50; i++) known = measured(known, 100)
  t.ok(known.wait > 100 && known.wait < 200, `${known.wait} ms`)
  for (let i = 0; i < 50; i++) known = measured(known, 60_000)
  t.equal(known.wait, 2_000, 'never longer')
  t.end()
})

t.test('each time-out doubles the wait, up to its limit', (t) => {
  const known = unknownRoundTrip(undefined)
  t.equal(doubled(known).wait, 600)
  t.equal(doubled(doubled(doubled(doubled(known)))).wait, 2_000)
  t.equal(doubled(doubled(unknownRoundTrip(500))).wait, 500)
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
