import * as fc from 'fast-check'
import t from 'tap'
import { addressesIn, addressIn, textIn, u16In, u32In, u8In } from '../../server/dhcp/option-shapes.ts'
import {
  addressesValue,
  addressValue,
  closedSubOptionsValue,
  messageTypeValue,
  secondsValue,
  subOptionsValue,
  textValue,
  textWithNulValue,
  u16Value,
  u32Value,
  u8Value,
} from '../../server/dhcp/option-values.ts'
import { messageTypeOf } from '../../server/dhcp/options.ts'
import { encapsulatedSubOptions, plainSubOptions } from '../../server/dhcp/sub-options.ts'
import { ipv4OfNumber } from '../../server/wire/ipv4.ts'
import { someMessage } from './messages.ts'

const holding = (value: Uint8Array) => someMessage({ options: new Map([[53, value]]) })
const address = fc.nat(0xffff_ffff).map(ipv4OfNumber)

t.test('what a builder writes, its reader reads', (t) => {
  fc.assert(
    fc.property(
      fc.nat(0xffff_ffff),
      fc.array(address, { minLength: 1, maxLength: 8 }),
      fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0')),
      (number, addresses, text) => {
        t.equal(u32In(holding(u32Value(number)), 53), number)
        t.equal(u16In(holding(u16Value(number & 0xffff)), 53), number & 0xffff)
        t.equal(u8In(holding(u8Value(number & 0xff)), 53), number & 0xff)
        t.same(addressesIn(holding(addressesValue(addresses)), 53), addresses)
        t.equal(addressIn(holding(addressValue(addresses[0]!)), 53), addresses[0])
        t.equal(textIn(holding(textValue(text)), 53), text)
        t.equal(textIn(holding(textWithNulValue(text)), 53), text)
      },
    ),
    { numRuns: 30 },
  )
  t.equal(messageTypeOf(holding(messageTypeValue('nak'))), 'nak')
  t.end()
})

t.test('seconds are whole and stay within their four bytes', (t) => {
  t.same(secondsValue(120), Uint8Array.of(0, 0, 0, 120))
  t.same(secondsValue(1.9), Uint8Array.of(0, 0, 0, 1))
  t.same(secondsValue(-1), Uint8Array.of(0, 0, 0, 0))
  t.same(secondsValue(Number.POSITIVE_INFINITY), Uint8Array.of(255, 255, 255, 255), 'for ever')
  t.end()
})

t.test('the sub-options that PXE and iPXE are sent have the bytes of the facts', (t) => {
  t.same(closedSubOptionsValue([[6, u8Value(8)]]), Uint8Array.of(6, 1, 8, 255))
  t.same(subOptionsValue([[176, u8Value(1)]]), Uint8Array.of(0xb0, 1, 1))
  t.same(subOptionsValue([]), new Uint8Array(0))
  t.equal(subOptionsValue([[1, new Uint8Array(300)]]).length, 257, 'the length byte stays true')
  t.end()
})

t.test('sub-options are read back as they were written', (t) => {
  const subOptions = fc
    .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 20 })), {
      selector: ([code]) => code,
    })
    .map((all) => new Map(all))
  fc.assert(
    fc.property(subOptions, (all) => {
      t.same(plainSubOptions(subOptionsValue(all)), all)
      t.same(encapsulatedSubOptions(closedSubOptionsValue(all)), all)
    }),
    { numRuns: 100 },
  )
  t.end()
})
