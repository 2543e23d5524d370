import * as fc from 'fast-check'
import t from 'tap'
import { ByteReader } from '../../server/wire/byte-reader.ts'
import { ByteWriter } from '../../server/wire/byte-writer.ts'
import { Malformed } from '../../server/wire/malformed.ts'

t.test('numbers are unsigned and in network byte order', (t) => {
  const reader = new ByteReader(Uint8Array.of(0xff, 0x12, 0x34, 0xff, 0xff, 0xff, 0xfe))
  t.equal(reader.u8(), 0xff)
  t.equal(reader.u16(), 0x1234)
  t.equal(reader.u32(), 0xffff_fffe)
  t.equal(reader.remaining, 0)
  t.equal(reader.at, 7)
  t.end()
})

t.test('reading past the end is malformed, and says where', (t) => {
  const read = (length: number, by: (reader: ByteReader) => void) => () => {
    const reader = new ByteReader(new Uint8Array(length + 1))
    reader.u8()
    by(reader)
  }
  t.throws(
    read(0, (reader) => reader.u8()),
    { message: '1 more bytes wanted at 1, 0 are left' },
  )
  t.throws(
    read(1, (reader) => reader.u16()),
    Malformed,
  )
  t.throws(
    read(3, (reader) => reader.u32()),
    Malformed,
  )
  t.throws(
    read(9, (reader) => reader.bytes(10)),
    { message: '10 more bytes wanted at 1, 9 are left' },
  )
  t.throws(
    read(9, (reader) => reader.view(10)),
    Malformed,
  )
  t.throws(
    read(9, (reader) => reader.skip(10)),
    Malformed,
  )
  t.doesNotThrow(read(9, (reader) => reader.bytes(9)))
  t.end()
})

t.test('bytes are a copy, of a Buffer too, and a view is none', (t) => {
  for (const buffer of [Buffer.from([1, 2, 3, 4]), Uint8Array.of(1, 2, 3, 4)]) {
    const reader = new ByteReader(buffer)
    const copy = reader.bytes(2)
    const view = reader.view(2)
    buffer.fill(9)
    t.same([...copy], [1, 2])
    t.same([...view], [9, 9])
    t.notOk(copy instanceof Buffer)
  }
  t.end()
})

t.test('what a writer writes, a reader reads', (t) => {
  fc.assert(
    fc.property(fc.nat(255), fc.nat(0xffff), fc.nat(0xffff_ffff), fc.uint8Array(), (a, b, c, bytes) => {
      const reader = new ByteReader(new ByteWriter(0).u8(a).u16(b).u32(c).zeros(3).bytes(bytes).done())
      t.same([reader.u8(), reader.u16(), reader.u32()], [a, b, c])
      reader.skip(3)
      t.same([...reader.bytes(bytes.length)], [...bytes])
      t.equal(reader.remaining, 0)
    }),
    { numRuns: 50 },
  )
  t.end()
})
