import { deepStrictEqual } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import { decode } from '../../server/dhcp/decode.ts'
import { hexOf } from '../../server/wire/hex.ts'
import { numberOfIpv4 } from '../../server/wire/ipv4.ts'
import { golden, goldenBytes, goldenNames, messageOf } from './golden.ts'
import { slowDecode } from './slow-twin.ts'

const fixed = new Uint8Array(240)
fixed.set([1, 1, 6, 0])
fixed.set([0x63, 0x82, 0x53, 0x63], 236)

function withOptions(...options: number[]): Uint8Array {
  return Uint8Array.of(...fixed, ...options)
}

function reasonFor(bytes: Uint8Array): string {
  const decoded = decode(bytes)
  return decoded.kind === 'malformed' ? decoded.because : 'it was read'
}

t.test('bytes that are no DHCP message are refused, and told why', (t) => {
  const changed = (at: number, ...bytes: number[]) => {
    const copy = fixed.slice()
    copy.set(bytes, at)
    return copy
  }
  t.equal(reasonFor(new Uint8Array(0)), '0 bytes are too few for a DHCP message, which has 240 or more')
  t.equal(
    reasonFor(fixed.subarray(0, 239)),
    '239 bytes are too few for a DHCP message, which has 240 or more',
  )
  t.equal(reasonFor(changed(236, 0, 0, 0, 0)), 'no magic cookie: plain BOOTP, which has no DHCP options')
  t.equal(reasonFor(changed(236, 0x63, 0x82, 0x53, 0x64)), 'the magic cookie is 63825364, not 63825363')
  t.equal(reasonFor(changed(2, 17)), 'hlen is 17, and chaddr has room for 16 bytes')
  t.equal(reasonFor(changed(0, 0)), 'op is 0, neither 1 (from a client) nor 2 (from a server)')
  t.equal(reasonFor(withOptions(53)), 'option 53 at the end of the options has no length')
  t.equal(reasonFor(withOptions(12, 5, 65)), 'option 12 says it has 5 bytes, 1 are left in the options')
  const overloaded = 'option 52 (overload) is none of 1 (file), 2 (sname) and 3 (both)'
  t.equal(reasonFor(withOptions(52, 1, 4, 255)), overloaded)
  t.equal(reasonFor(withOptions(52, 0, 255)), overloaded)
  t.equal(reasonFor(withOptions(52, 2, 1, 1, 255)), overloaded)
  const torn = withOptions(52, 1, 1, 255)
  torn.fill(12, 108, 236)
  torn[108 + 126] = 200
  torn[108] = 60
  torn[109] = 124
  t.equal(reasonFor(torn), 'option 200 says it has 12 bytes, 0 are left in the options in file')
  t.end()
})

t.test('what real clients leave out or put in is accepted', (t) => {
  t.equal(messageOf(fixed).options.size, 0, 'no options at all')
  t.same([...messageOf(withOptions(53, 1, 1)).options], [[53, Uint8Array.of(1)]], 'no end option')
  t.same([...messageOf(withOptions(0, 0, 53, 1, 1, 0)).options.keys()], [53], 'pads')
  t.same([...messageOf(withOptions(53, 1, 1, 255, 12, 99)).options.keys()], [53], 'anything behind the end')
  t.same([...messageOf(withOptions(80, 0, 255)).options], [[80, new Uint8Array(0)]], 'an empty option')
  t.same([...messageOf(withOptions(52, 1, 0, 255)).options], [], 'an overload of nothing')
  const infiniband = fixed.slice()
  infiniband.set([1, 32, 0])
  t.equal(messageOf(infiniband).hlen, 0, 'no hardware address (RFC 4390)')
  t.end()
})

t.test('overloaded options are joined to the others, and the fields read as empty', (t) => {
  const message = golden('ack-overload')
  t.equal(message.sname, '')
  t.equal(message.file, '')
  t.same([...message.options.keys()], [53, 54, 51, 1, 67, 15, 66], 'file before sname, 52 itself gone')
  const nested = withOptions(52, 1, 1, 255)
  nested.set([52, 1, 2, 255], 108)
  nested.set([65, 66], 44)
  t.equal(messageOf(nested).sname, 'AB', 'an overload within an overloaded field is nothing to follow')
  t.end()
})

t.test('parts of a long option are joined in the order options, file, sname', (t) => {
  const value = golden('ack-long-option').options.get(121)
  t.equal(value?.length, 320)
  t.same(
    Array.from({ length: 40 }, (_, i) => value?.[i * 8 + 2]),
    Array.from({ length: 40 }, (_, i) => i),
  )
  const bytes = withOptions(43, 1, 1, 52, 1, 3, 43, 1, 2, 255)
  bytes.set([43, 1, 4, 255], 44)
  bytes.set([43, 1, 3, 255], 108)
  t.same(messageOf(bytes).options.get(43), Uint8Array.of(1, 2, 3, 4))
  t.end()
})

t.test('a message keeps nothing of the buffer it was read from', (t) => {
  const buffer = goldenBytes('discover-uefi-pxe')
  const message = messageOf(buffer)
  const before = [hexOf(message.chaddr), hexOf(message.options.get(60) ?? new Uint8Array())]
  buffer.fill(0xee)
  t.same([hexOf(message.chaddr), hexOf(message.options.get(60) ?? new Uint8Array())], before)
  t.notOk(message.chaddr instanceof Buffer, 'and is plain bytes whatever it was read from')
  t.end()
})

/** As the twin would say it. */
function asTwin(bytes: Uint8Array): object | undefined {
  const decoded = decode(bytes)
  if (decoded.kind === 'malformed') return undefined
  const { op, htype, hlen, hops, xid, secs, flags, ...rest } = decoded.message
  const [ciaddr, yiaddr, siaddr, giaddr] = [rest.ciaddr, rest.yiaddr, rest.siaddr, rest.giaddr].map(
    numberOfIpv4,
  )
  return {
    fields: { op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr },
    chaddr: hexOf(rest.chaddr),
    sname: rest.sname,
    file: rest.file,
    options: Object.fromEntries([...rest.options].map(([code, value]) => [code, hexOf(value)])),
  }
}

const mutated = fc
  .tuple(
    fc.constantFrom(...goldenNames.map(goldenBytes)),
    fc.array(fc.tuple(fc.nat(700), fc.nat(255)), { maxLength: 8 }),
    fc.option(fc.nat(700), { nil: undefined }),
  )
  .map(([packet, changes, length]) => {
    const bytes = new Uint8Array(packet.subarray(0, length))
    // Where they are no longer than the packet, changes beyond its end change nothing.
    for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
    return bytes
  })

t.test('any bytes at all are read or refused as the slow twin reads or refuses them', (t) => {
  let read = 0
  let refused = 0
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 400, size: 'max' })), (bytes) => {
      const ours = asTwin(bytes)
      if (ours === undefined) refused++
      else read++
      deepStrictEqual(ours, slowDecode(bytes))
    }),
    { numRuns: 3_000 },
  )
  t.ok(read > 300, `${read} were read`)
  t.ok(refused > 300, `${refused} were refused`)
  t.end()
})

t.test('100,000 mutated packets are each read or refused', (t) => {
  const packets = goldenNames.map(goldenBytes)
  let seed = 0x2545f491
  const random = (below: number) => {
    seed ^= seed << 13
    seed ^= seed >>> 17
    seed ^= seed << 5
    return (seed >>> 0) % below
  }
  const reasons = new Map<string, number>()
  for (let i = 0; i < 100_000; i++) {
    const packet = packets[random(packets.length)]!
    const copy = new Uint8Array(packet.subarray(0, i % 3 === 0 ? random(packet.length + 1) : packet.length))
    for (let n = random(6); n >= 0 && copy.length > 0; n--) copy[random(copy.length)] = random(256)
    const decoded = decode(copy)
    const reason =
      decoded.kind === 'malformed' ? decoded.because.replaceAll(/[0-9a-f]{8}|[0-9]+/g, 'N') : 'read'
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  t.ok((reasons.get('read') ?? 0) > 10_000, 'many can still be read')
  t.ok(reasons.size >= 8, `${reasons.size} kinds of outcome`)
  t.end()
})

t.test('a datagram of nothing but tiny parts is joined whole', (t) => {
  const bytes = new Uint8Array(65_507)
  bytes.set(fixed)
  for (let at = 240, n = 0; at + 3 <= bytes.length; at += 3, n++) bytes.set([43, 1, n], at)
  const value = messageOf(bytes).options.get(43)
  t.equal(value?.length, Math.floor((65_507 - 240) / 3))
  t.ok(value?.every((byte, n) => byte === (n & 255)))
  t.end()
})
