import * as fc from 'fast-check'
import t from 'tap'
import { negotiate } from '../../server/tftp/negotiate.ts'
import { acknowledge, startTransfer, timeOut, type Step } from '../../server/tftp/transfer.ts'
import { seededRandom, simulateFetch, type Weather } from './simulated-fetch.ts'

const ceilings = { blockBytes: 1468, windowBlocks: 16 }
const asked = (options: Record<string, number>) =>
  new Map(Object.entries(options).map(([name, value]) => [name, String(value)]))

/** A transfer of `byteCount` bytes that has just begun, its options acknowledged if there are any. */
function begun(byteCount: number, options: Record<string, number> = {}): Step {
  const step = startTransfer(byteCount, negotiate(asked(options), byteCount, ceilings), 0)
  return step.kind === 'send-options' ? acknowledge(step.transfer, 0, 1) : step
}

/** Answers the last block of each window after a millisecond until `block` is acknowledged. */
function upTo(block: number, step: Step): Step {
  let [next, now] = [step, 10]
  while (next.transfer.acknowledged < block) {
    if (next.kind === 'complete') throw new Error(`the transfer ended before block ${block}`)
    next = acknowledge(next.transfer, Math.min(block, next.transfer.sent) & 0xffff, now++)
  }
  return next
}

const content = (byteCount: number) =>
  Uint8Array.from({ length: byteCount }, (_, i) => (i * 7 + (i >>> 8)) & 0xff)

/** The sorts of fault, each so many of a thousand packets, and delays up to `jitter` ms over the half of one. */
function storm(
  seed: number,
  faults: { readonly loss?: number; readonly twice?: number; readonly jitter?: number },
): Weather {
  const random = seededRandom(seed)
  const { loss = 0, twice = 0, jitter = 0 } = faults
  const happens = (perMille: number) => random() % 1_000 < perMille
  const delay = () => 0.5 + (jitter === 0 ? 0 : (random() % (jitter * 100)) / 100)
  return () => {
    if (happens(loss)) return []
    return happens(twice) ? [delay(), delay()] : [delay()]
  }
}

t.test('without options the first block answers the request', (t) => {
  t.match(begun(1000), { kind: 'send-blocks', first: 1, last: 1 })
  t.end()
})

t.test('options are acknowledged first, and ACK 0 draws the first window', (t) => {
  const step = startTransfer(10_000, negotiate(asked({ blksize: 1000, windowsize: 4 }), 10_000, ceilings), 0)
  t.equal(step.kind, 'send-options')
  t.match(acknowledge(step.transfer, 0, 1), { kind: 'send-blocks', first: 1, last: 4 })
  t.match(acknowledge(step.transfer, 1, 1), { kind: 'wait' }, 'no block was sent that this could be for')
  t.match(acknowledge(step.transfer, 65_535, 1), { kind: 'wait' })
  t.end()
})

t.test('a file that fills its last block is ended by an empty one', (t) => {
  for (const [byteCount, lastBlock] of [
    [0, 1],
    [1, 1],
    [511, 1],
    [512, 2],
    [513, 2],
    [1024, 3],
  ] as const) {
    t.equal(begun(byteCount).transfer.lastBlock, lastBlock, `${byteCount} bytes`)
  }
  t.equal(upTo(2, begun(512)).kind, 'complete')
  t.end()
})

t.test('a late acknowledgement sends nothing', (t) => {
  const step = upTo(5, begun(512 * 10))
  t.match(step, { kind: 'send-blocks', first: 6, last: 6 })
  for (const block of [5, 4, 1, 0, 65_535, 7, 40_000]) {
    const late = acknowledge(step.transfer, block, 100)
    t.equal(late.kind, 'wait', `ACK ${block}`)
    t.equal(late.transfer, step.transfer)
  }
  t.end()
})

t.test('an acknowledgement from inside the window draws the rest anew', (t) => {
  const step = upTo(8, begun(100_000, { windowsize: 4 }))
  t.match(step, { kind: 'send-blocks', first: 9, last: 12 })
  const gap = acknowledge(step.transfer, 10, 100)
  t.match(gap, { kind: 'send-blocks', first: 11, last: 14 })
  t.equal(gap.transfer.resentBlocks, 2)
  t.end()
})

t.test('a gap at the front of a window is mended once', (t) => {
  const step = upTo(8, begun(100_000, { windowsize: 4 }))
  const again = acknowledge(step.transfer, 8, 100)
  t.match(again, { kind: 'send-blocks', first: 9, last: 12 })
  t.equal(acknowledge(again.transfer, 8, 101).kind, 'wait', 'not twice')
  const next = acknowledge(again.transfer, 12, 102)
  t.match(next, { kind: 'send-blocks', first: 13, last: 16 })
  t.equal(acknowledge(next.transfer, 12, 103).kind, 'wait', 'the repeated window may be answered twice')
  const clean = acknowledge(next.transfer, 16, 104)
  t.match(acknowledge(clean.transfer, 16, 105), { kind: 'send-blocks', first: 17, last: 20 })
  t.end()
})

t.test('block numbers go from 65535 to 0', (t) => {
  const step = upTo(65_535, begun(8 * 70_000, { blksize: 8, windowsize: 1 }))
  t.match(step, { kind: 'send-blocks', first: 65_536, last: 65_536 })
  t.match(acknowledge(step.transfer, 0, 100), { kind: 'send-blocks', first: 65_537 })
  t.end()
})

t.test('a window is sent again when its time is over, then ever more rarely', (t) => {
  let step: Step = upTo(3, begun(512 * 10))
  const waits: number[] = []
  for (let i = 0; i < 8; i++) {
    const due = step.transfer.dueAt
    step = timeOut(step.transfer, due)
    t.match(step, { kind: 'send-blocks', first: 4, last: 4 })
    waits.push(step.transfer.dueAt - due)
  }
  t.ok(waits.every((wait, i) => i === 0 || wait >= waits[i - 1]!))
  t.ok(waits.at(-1)! > waits[0]! * 50, `${waits.join(', ')} ms`)
  t.equal(step.transfer.resentBlocks, 8)
  t.end()
})

t.test('a client that answers a repeated block once, and then only after a silence, is waited for', (t) => {
  const step = upTo(3, begun(512 * 10))
  let again: Step = step
  const sentAt: number[] = []
  for (let i = 0; i < 12; i++) {
    again = timeOut(again.transfer, again.transfer.dueAt)
    if (again.kind === 'give-up') break
    sentAt.push(again.transfer.sentAt)
  }
  const silences = sentAt.slice(1).map((at, i) => at - sentAt[i]!)
  t.ok(Math.max(...silences) > 5_000, 'atftp counts its five seconds from the last packet, whatever it was')
  t.end()
})

t.test('an answer to a repetition teaches nothing about the round trip', (t) => {
  const step = upTo(3, begun(512 * 10))
  const again = timeOut(step.transfer, step.transfer.dueAt)
  const { roundTrip } = again.transfer
  t.same(acknowledge(again.transfer, 4, again.transfer.dueAt).transfer.roundTrip, roundTrip)
  t.end()
})

t.test('silence ends a transfer, with the place where it fell', (t) => {
  const cases = [
    [
      startTransfer(9_000, negotiate(asked({ blksize: 1000 }), 9_000, ceilings), 0),
      20,
      /never answered our options/,
    ],
    [begun(9_000), 20, /never acknowledged the first block/],
    [upTo(3, begun(9_000)), 30, /fell silent after block 3 of 18/],
    [upTo(17, begun(9_000)), 20, /last block was not acknowledged/],
  ] as const
  for (const [begunStep, seconds, because] of cases) {
    let step: Step = begunStep
    let sends = 0
    while (step.kind !== 'give-up') {
      step = timeOut(step.transfer, step.transfer.dueAt)
      sends++
    }
    t.match(step.because, because)
    const silentMs = step.transfer.dueAt - step.transfer.movedAt
    t.ok(silentMs >= seconds * 1_000 && silentMs < seconds * 1_000 + 6_300, `after ${silentMs} ms`)
    t.ok(sends < 30, `${sends} repetitions`)
  }
  t.end()
})

t.test('every block acknowledged twice doubles nothing', (t) => {
  const twice: Weather = ({ toClient }) => (toClient ? [1] : [1, 1.2])
  const file = content(512 * 300)
  const lockStep = simulateFetch(file, new Map(), twice)
  t.equal(lockStep.blocksSent, 301, 'lock-step sends each block once')
  const windowed = simulateFetch(file, asked({ windowsize: 4 }), twice, 'always')
  t.ok(windowed.blocksSent <= 301 * 2, `${windowed.blocksSent} blocks`)
  t.same(windowed.received, file)
  t.end()
})

t.test('one doubled acknowledgement leaves no lasting echo', (t) => {
  for (const habit of ['always', 'once', 'after-timeout'] as const) {
    let packets = 0
    const onceTwice: Weather = ({ toClient }) => (!toClient && ++packets === 20 ? [1, 1.5] : [1])
    const fetch = simulateFetch(content(512 * 1_000), asked({ windowsize: 4 }), onceTwice, habit)
    t.ok(fetch.transfer.resentBlocks <= 4, `${habit}: ${fetch.transfer.resentBlocks} sent again`)
  }
  t.end()
})

t.test('any file arrives whole through loss, doubling and reordering', (t) => {
  fc.assert(
    fc.property(
      fc.record({
        byteCount: fc.integer({ min: 0, max: 60_000 }),
        blksize: fc.integer({ min: 8, max: 2_000 }),
        windowsize: fc.integer({ min: 1, max: 20 }),
        seed: fc.integer(),
        loss: fc.integer({ min: 0, max: 100 }),
        twice: fc.integer({ min: 0, max: 100 }),
        jitter: fc.integer({ min: 0, max: 3 }),
        habit: fc.constantFrom('always', 'once', 'after-timeout'),
        plain: fc.boolean(),
      }),
      ({ byteCount, blksize, windowsize, seed, habit, plain, ...faults }) => {
        const file = content(plain ? byteCount : Math.min(byteCount, blksize * 400))
        const options = plain ? new Map<string, string>() : asked({ blksize, windowsize })
        const fetch = simulateFetch(file, options, storm(seed, faults), habit)
        // The last acknowledgement may be lost with a client that is gone; the file is whole all the same.
        t.match(fetch.because, fetch.ended === 'complete' ? '' : /last block was not acknowledged/)
        if (Buffer.compare(fetch.received, file) !== 0) throw new Error(`${fetch.received.length} bytes came`)
      },
    ),
    { numRuns: 300 },
  )
  t.end()
})

t.test('a file of any size around the roll-over arrives whole', (t) => {
  for (const byteCount of [8 * 65_535 - 1, 8 * 65_535, 8 * 65_535 + 1, 8 * 65_536, 8 * 65_537]) {
    const file = content(byteCount)
    const fetch = simulateFetch(file, asked({ blksize: 8, windowsize: 16 }), storm(byteCount, { loss: 2 }))
    t.equal(Buffer.compare(fetch.received, file), 0, `${byteCount} bytes`)
  }
  t.end()
})

t.test('a network that carries nothing ends a transfer all the same', (t) => {
  const fetch = simulateFetch(content(5_000), new Map(), () => [])
  t.equal(fetch.ended, 'give-up')
  t.ok(fetch.blocksSent < 12, `${fetch.blocksSent} packets to somebody who may not have asked`)
  t.end()
})
