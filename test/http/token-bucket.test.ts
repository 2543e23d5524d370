import * as fc from 'fast-check'
import t from 'tap'
import { drawn, filled, msUntil } from '../../server/http/token-bucket.ts'

const flow = { bytesPerMs: 100, most: 2_500 }

t.test('it fills with time, and no further than it may', async (t) => {
  const empty = { bytes: 0, at: 1_000 }
  t.strictSame(filled(empty, flow, 1_000), empty)
  t.strictSame(filled(empty, flow, 1_010), { bytes: 1_000, at: 1_010 })
  t.strictSame(filled(empty, flow, 60_000), { bytes: 2_500, at: 60_000 })
  t.strictSame(filled(filled(empty, flow, 1_003), flow, 1_010), filled(empty, flow, 1_010))
})

t.test('what is taken is missing, what is given back is there', async (t) => {
  const some = { bytes: 1_000, at: 0 }
  t.equal(drawn(some, 400).bytes, 600)
  t.equal(drawn(drawn(some, 400), -400).bytes, 1_000)
  t.equal(msUntil(some, 1_000, flow), 0)
  t.equal(msUntil(some, 1_500, flow), 5)
})

t.test('a clock that goes back adds nothing and takes nothing', async (t) => {
  t.strictSame(filled({ bytes: 7, at: 1_000 }, flow, 400), { bytes: 7, at: 400 })
})

t.test('in no time goes out more than its share and what it held at first', async () => {
  const steps = fc.array(
    fc.record({ after: fc.double({ min: 0, max: 100, noNaN: true }), wanted: fc.nat(5_000) }),
  )
  fc.assert(
    fc.property(steps, (steps) => {
      let bucket = { bytes: flow.most, at: 0 }
      let out = 0
      for (const { after, wanted } of steps) {
        bucket = filled(bucket, flow, bucket.at + after)
        if (wanted > bucket.bytes) continue
        bucket = drawn(bucket, wanted)
        out += wanted
      }
      return out <= flow.most + bucket.at * flow.bytesPerMs + 1e-6
    }),
  )
})
