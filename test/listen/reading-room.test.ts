import * as fc from 'fast-check'
import t from 'tap'
import { ReadingRoom } from '../../server/listen/reading-room.ts'

const room = 512 * 1024

t.test(
  'what comes is taken whole and in order, and stays as it is until the next piece is taken',
  async (t) => {
    const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 80_000 }), fc.constant('take' as const)), {
      maxLength: 200,
    })
    fc.assert(
      fc.property(steps, (order) => {
        const reading = new ReadingRoom()
        let written = 0
        let read = 0
        let taken: { readonly piece: Uint8Array; readonly from: number } | undefined
        // Each byte tells its place in the stream.
        const isRight = (piece: Uint8Array, from: number): boolean =>
          piece.every((byte, at) => byte === (from + at) % 251)
        let open = reading.next()
        for (const step of order) {
          if (taken !== undefined && !isRight(taken.piece, taken.from)) return false
          if (step === 'take') {
            const piece = reading.take()
            taken = piece === undefined ? undefined : { piece, from: read }
            read += piece?.length ?? 0
            continue
          }
          const byteCount = Math.min(step, open.length)
          for (let at = 0; at < byteCount; at++) open[at] = (written + at) % 251
          written += byteCount
          reading.came(byteCount)
          open = reading.next()
        }
        for (let piece = reading.take(); piece !== undefined; piece = reading.take()) {
          if (!isRight(piece, read)) return false
          read += piece.length
        }
        return read === written
      }),
      { numRuns: 60 },
    )
    t.pass('it held for every order')
  },
)

t.test('a reader that keeps up needs no memory beside the room', async (t) => {
  const reading = new ReadingRoom()
  const rooms = new Set<ArrayBufferLike>()
  for (let at = 0; at < 1_000; at++) {
    const open = reading.next()
    rooms.add(open.buffer)
    if (open.length < 64 * 1024) t.fail(`a gap of ${open.length} bytes`)
    // Four records of TLS in one go, and then they are taken.
    for (let record = 0; record < 4; record++) {
      reading.came(Math.min(16_384, reading.next().length))
    }
    while (reading.take() !== undefined);
  }
  t.equal(rooms.size, 1)
  t.equal([...rooms][0]?.byteLength, room)
})
