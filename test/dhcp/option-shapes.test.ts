import * as fc from 'fast-check'
import t from 'tap'
import {
  addressesIn,
  addressIn,
  textIn,
  u16In,
  u16sIn,
  u32In,
  u8In,
} from '../../server/dhcp/option-shapes.ts'
import { someMessage } from './messages.ts'

const read = { addressIn, addressesIn, u8In, u16In, u16sIn, u32In, textIn }

t.test('each shape is read from the lengths it has, and from no others', (t) => {
  const lengths: Record<keyof typeof read, (length: number) => boolean> = {
    addressIn: (length) => length === 4,
    addressesIn: (length) => length > 0 && length % 4 === 0,
    u8In: (length) => length === 1,
    u16In: (length) => length === 2,
    u16sIn: (length) => length > 0 && length % 2 === 0,
    u32In: (length) => length === 4,
    textIn: (length) => length > 0,
  }
  for (const [name, fits] of Object.entries(lengths) as [keyof typeof read, (length: number) => boolean][]) {
    for (let length = 0; length <= 9; length++) {
      const message = someMessage({ options: new Map([[200, new Uint8Array(length).fill(65)]]) })
      t.equal(read[name](message, 200) !== undefined, fits(length), `${name} of ${length} bytes`)
    }
    t.equal(read[name](someMessage(), 200), undefined, `${name} of an option that is absent`)
  }
  t.end()
})

t.test('numbers are read unsigned, in network byte order', (t) => {
  const message = (...bytes: number[]) => someMessage({ options: new Map([[51, Uint8Array.from(bytes)]]) })
  t.equal(u32In(message(0xff, 0xff, 0xff, 0xfe), 51), 0xffff_fffe)
  t.equal(u16In(message(0x12, 0x34), 51), 0x1234)
  t.equal(u8In(message(200), 51), 200)
  t.same(u16sIn(message(0, 7, 1, 0), 51), [7, 256])
  t.same(addressesIn(message(10, 0, 0, 1, 255, 255, 255, 255), 51), ['10.0.0.1', '255.255.255.255'])
  t.end()
})

t.test('any bytes are read as a text that has no NUL', (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = textIn(someMessage({ options: new Map([[12, bytes]]) }), 12)
      return text === undefined ? bytes.length === 0 || bytes[0] === 0 : !text.includes('\0') && text !== ''
    }),
  )
  t.pass('whatever they are')
  t.end()
})
