import t from 'tap'
import { ByteWriter } from '../../server/wire/byte-writer.ts'

t.test('it grows as needed, from any room', (t) => {
  for (const room of [0, 1, 7, 576]) {
    const writer = new ByteWriter(room)
    for (let i = 0; i < 1000; i++) writer.u8(i)
    t.equal(writer.length, 1000)
    t.same(
      [...writer.done()],
      Array.from({ length: 1000 }, (_, i) => i & 255),
      `from ${room} bytes`,
    )
  }
  t.end()
})

t.test('a field has its width, whether its value is shorter or longer', (t) => {
  const field = (...value: number[]) => [...new ByteWriter(0).field(Uint8Array.from(value), 3).u8(9).done()]
  t.same(field(), [0, 0, 0, 9])
  t.same(field(1, 2), [1, 2, 0, 9])
  t.same(field(1, 2, 3), [1, 2, 3, 9])
  t.same(field(1, 2, 3, 4), [1, 2, 3, 9])
  t.end()
})

t.test('numbers too large for their width lose their high bytes, and 32 bits stay unsigned', (t) => {
  t.same(
    [...new ByteWriter().u8(0x1ff).u16(0x1_0203).u32(0xffff_fffe).done()],
    [255, 2, 3, 255, 255, 255, 254],
  )
  t.end()
})
