import t from 'tap'
import * as fc from 'fast-check'
import { FrameRing } from '../../server/appliance/frame-ring.ts'
import type { Frame } from '../../server/wire/write-pcap.ts'
import { ip, macNumber } from '../networks/a-network.ts'

function frame(at: number, length = 300): Frame {
  return {
    at,
    from: { address: ip('0.0.0.0'), port: 68 },
    to: { address: ip('255.255.255.255'), port: 67 },
    bytes: new Uint8Array(length).fill(at & 255),
  }
}

const times = (frames: readonly Frame[]): readonly number[] => frames.map(({ at }) => at)

t.test('the last frames of each card are kept, and those of a machine come in the order of time', (t) => {
  const ring = new FrameRing({ framesPerMac: 3 })
  for (const at of [1, 2, 3, 4, 5]) ring.keep(macNumber(1), frame(at))
  for (const at of [0, 4.5]) ring.keep(macNumber(2), frame(at))
  t.strictSame(times(ring.of([macNumber(1)])), [3, 4, 5])
  t.strictSame(times(ring.of([macNumber(1), macNumber(2)])), [0, 3, 4, 4.5, 5])
  t.strictSame(ring.of([macNumber(3)]), [])
  t.end()
})

t.test('what is kept does not change with the buffer it came in', (t) => {
  const ring = new FrameRing()
  const buffer = Buffer.alloc(10_000, 1)
  ring.keep(macNumber(1), { ...frame(1), bytes: buffer.subarray(0, 4) })
  buffer.fill(2)
  const [kept] = ring.of([macNumber(1)])
  t.strictSame(kept?.bytes, Uint8Array.of(1, 1, 1, 1))
  t.equal(kept?.bytes.buffer.byteLength, 4)
  t.end()
})

t.test('the card that was heard of longest ago is forgotten first', (t) => {
  const ring = new FrameRing({ macs: 2 })
  ring.keep(macNumber(1), frame(1))
  ring.keep(macNumber(2), frame(2))
  ring.keep(macNumber(1), frame(3))
  ring.keep(macNumber(3), frame(4))
  t.strictSame(times(ring.of([macNumber(1), macNumber(2), macNumber(3)])), [1, 3, 4])
  t.equal(ring.bytes, 900)
  t.end()
})

t.test('a frame larger than a card may have is not kept', (t) => {
  const ring = new FrameRing({ bytesPerMac: 500 })
  ring.keep(macNumber(1), frame(1, 501))
  t.strictSame(ring.of([macNumber(1)]), [])
  t.equal(ring.bytes, 0)
  t.end()
})

t.test('whatever comes, no limit is passed and the bytes are counted right', (t) => {
  const limits = { framesPerMac: 4, bytesPerMac: 900, bytes: 2_000, macs: 3 }
  const card = fc.integer({ min: 1, max: 6 })
  const length = fc.integer({ min: 0, max: 1_000 })
  fc.assert(
    fc.property(fc.array(fc.tuple(card, length), { maxLength: 60 }), (arrivals) => {
      const ring = new FrameRing(limits)
      for (const [at, [number, size]] of arrivals.entries()) {
        ring.keep(macNumber(number), frame(at, size))
        const each = [1, 2, 3, 4, 5, 6].map((mac) => ring.of([macNumber(mac)]))
        const bytes = each.map((frames) => frames.reduce((sum, one) => sum + one.bytes.length, 0))
        const total = bytes.reduce((sum, one) => sum + one, 0)
        if (ring.bytes !== total || total > limits.bytes) return false
        if (each.some((frames) => frames.length > limits.framesPerMac)) return false
        if (bytes.some((count) => count > limits.bytesPerMac)) return false
        if (each.filter((frames) => frames.length > 0).length > limits.macs) return false
        if (size <= limits.bytesPerMac && each[number - 1]?.at(-1)?.at !== at) return false
      }
      return true
    }),
    { numRuns: 200 },
  )
  t.end()
})
