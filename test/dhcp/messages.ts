import * as fc from 'fast-check'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { ipv4OfNumber, noAddress } from '../../server/wire/ipv4.ts'

/** A message of a client, empty but for what is given. */
export function someMessage(given: Partial<DhcpMessage> = {}): DhcpMessage {
  return {
    op: 1,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: 0x0a0b0c0d,
    secs: 0,
    flags: 0,
    ciaddr: noAddress,
    yiaddr: noAddress,
    siaddr: noAddress,
    giaddr: noAddress,
    chaddr: Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    sname: '',
    file: '',
    options: new Map(),
    ...given,
  }
}

const address = fc.nat(0xffff_ffff).map(ipv4OfNumber)

function name(width: number): fc.Arbitrary<string> {
  return fc
    .string({ unit: 'grapheme', maxLength: width })
    .filter((text) => !text.includes('\0') && Buffer.byteLength(text) < width)
}

/** Codes that an option can have in a message, those with a place of their own among them. */
const code = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 254 }).filter((it) => it !== 52) },
  { weight: 1, arbitrary: fc.constantFrom(53, 54, 82, 60, 67, 97) },
)

const value = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 250, maxLength: 600, size: 'max' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(254, 255, 256, 510, 511).map((length) => new Uint8Array(length).fill(7)),
  },
)

/** Any message that has a form on the wire. */
export const anyMessage: fc.Arbitrary<DhcpMessage> = fc.record({
  op: fc.constantFrom(1, 2),
  htype: fc.nat(255),
  hlen: fc.nat(16),
  hops: fc.nat(255),
  xid: fc.nat(0xffff_ffff),
  secs: fc.nat(0xffff),
  flags: fc.nat(0xffff),
  ciaddr: address,
  yiaddr: address,
  siaddr: address,
  giaddr: address,
  chaddr: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  sname: fc.oneof(fc.constant(''), name(64)),
  file: fc.oneof(fc.constant(''), name(128)),
  options: fc
    .uniqueArray(fc.tuple(code, value), { selector: ([it]) => it, maxLength: 24 })
    .map((all) => new Map(all)),
})

/** A message with its options in the order of their codes, so that two can be compared. */
export function inOrder(message: DhcpMessage): object {
  return { ...message, options: [...message.options].sort(([a], [b]) => a - b) }
}
