import { deepStrictEqual, ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import type { Answer } from '../../server/boot/answer.ts'
import { programNames } from '../../server/boot/programs.ts'
import { encode } from '../../server/dhcp/encode.ts'
import { maxMessageSizeOf } from '../../server/dhcp/options.ts'
import { sentence } from '../../server/events/sentence.ts'
import { contains, everyone, ipv4OfNumber, noAddress, type Ipv4 } from '../../server/wire/ipv4.ts'
import { golden, goldenBytes, goldenNames, messageOf } from '../dhcp/golden.ts'
import { anyMessage, someMessage } from '../dhcp/messages.ts'
import { ip, subnet } from '../networks/a-network.ts'
import { Box, byHand, captured, reasonOf, sentIn } from './a-box.ts'

// What must be true of every answer, whatever came in.

const goldens = goldenNames.map(goldenBytes)
const rounds = 100_000

/** Numbers that look like chance and are the same in every run (xorshift, Marsaglia 2003). */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % sides
  }
}

/** A golden packet with a few bytes changed, added or missing; sometimes nothing but noise behind a good beginning. */
function mutated(roll: (sides: number) => number): Uint8Array {
  const golden = goldens[roll(goldens.length)] ?? new Uint8Array()
  const bytes = new Uint8Array(golden)
  switch (roll(5)) {
    case 0:
      return bytes.map((byte) => (roll(40) === 0 ? roll(256) : byte))
    case 1:
      return bytes.subarray(0, roll(bytes.length + 1))
    case 2: {
      // The addresses and option bytes are where the decisions are.
      for (let count = roll(4) + 1; count > 0; count--) bytes[12 + roll(16)] = roll(256)
      return bytes
    }
    case 3: {
      for (let count = roll(6) + 1; count > 0; count--) bytes[240 + roll(bytes.length - 240)] = roll(256)
      return bytes
    }
    default:
      return Uint8Array.from({ length: 240 + roll(400) }, (_, at) =>
        at < 240 ? (bytes[at] ?? 0) : roll(256),
      )
  }
}

/** Says what is wrong with an answer; throws when anything is. */
function check(
  box: Box,
  bytes: Uint8Array,
  from: Ipv4,
  fromPort: number,
  port: number,
  answered: Answer,
): void {
  const sent = sentIn(answered)
  if (sent === undefined) {
    ok(answered.happened.length > 0, 'silence without a word')
    ok(sentence(answered.happened[0]!).length > 10)
    return
  }
  const [outgoing] = answered.send
  const request = messageOf(bytes)
  const { address, port: to } = outgoing!.to
  ok(address === everyone || contains(box.network.subnet, address), `a reply to ${address}`)
  ok([everyone, request.giaddr, request.ciaddr, from].includes(address), `a reply to a third, ${address}`)
  ok(
    to === 67 || to === 68 || (to === fromPort && (port === 4011 || request.giaddr !== noAddress)),
    `port ${to}`,
  )
  const most = Math.max(576, maxMessageSizeOf(request) ?? 0) - 28
  ok(sent.bytes.length >= 300 && sent.bytes.length <= most, `${sent.bytes.length} bytes`)
  deepStrictEqual(sent.message.op, 2)
  deepStrictEqual(sent.message.xid, request.xid)
  const given = sent.message.yiaddr
  ok(given === noAddress || contains(box.network.subnet, given), `${given} was given away`)
  ok(given !== box.network.serverAddress)
  for (const lease of answered.leases) ok(contains(box.network.subnet, lease.address))
}

t.test(`${rounds} random and mutated packets never throw, and each silence says why`, (t) => {
  const roll = dice(0x1d2c3b4a)
  const boxes = [
    new Box(captured),
    new Box(byHand),
    new Box({ ...captured, subnet: subnet('0.0.0.0/0') }),
    new Box({ ...captured, mode: 'proxy' }),
  ]
  let [replies, silences] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const box = boxes[round % boxes.length]!
    const bytes = round % 20 === 0 ? Uint8Array.from({ length: roll(700) }, () => roll(256)) : mutated(roll)
    const from = roll(2) === 0 ? noAddress : ipv4OfNumber(roll(0x1_0000_0000))
    const fromPort = [67, 68, 4011, 0, 53][roll(5)] ?? 68
    const port = roll(4) === 0 ? 4011 : 67
    box.now += roll(2_000)
    const answered = box.answer(bytes, from, port, fromPort)
    check(box, bytes, from, fromPort, port, answered)
    if (answered.send.length > 0) replies++
    else silences++
  }
  t.ok(replies > rounds / 20, `${replies} replies`)
  t.ok(silences > rounds / 20, `${silences} silences`)
  const good = boxes[0]!.answer(goldenBytes('discover-uefi-pxe'))
  t.ok(good.send.length === 1 || /address/.test(reasonOf(good)), 'the next good client is served')
  t.end()
})

t.test('an observed network answers nobody, ever, and changes nothing', (t) => {
  const roll = dice(0x7f4c2a10)
  const box = new Box({ ...captured, mode: 'observe' })
  for (let round = 0; round < 20_000; round++) {
    const bytes = round < goldens.length ? goldens[round]! : mutated(roll)
    const answered = box.answer(bytes, ipv4OfNumber(roll(0x1_0000_0000)), roll(2) === 0 ? 67 : 4011)
    deepStrictEqual(answered.send, [])
    deepStrictEqual(answered.leases, [])
    deepStrictEqual(answered.seen, undefined)
    deepStrictEqual(answered.happened.length, 1)
  }
  fc.assert(
    fc.property(anyMessage, (message) => {
      const { send, leases } = box.answer(encode(message, { maxBytes: 1472 }).bytes)
      deepStrictEqual([send, leases], [[], []])
    }),
  )
  t.end()
})

/** Any message that is iPXE's by option 77, by 175, or by both, and says that it speaks HTTP or says nothing of it. */
const ipxeWithHttp = fc
  .record({
    message: anyMessage,
    type: fc.constantFrom(1, 3, 8),
    userClass: fc.constantFrom(undefined, 'iPXE', '\u0004iPXE', '\u0003lab\u0004iPXE'),
    features: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 254 }), { maxLength: 20 })),
  })
  .filter(({ userClass, features }) => userClass !== undefined || features !== null)
  .map(({ message, type, userClass, features }) => {
    const options = new Map(message.options)
    options.set(53, Uint8Array.of(type)).delete(175)
    options.delete(77)
    // What iPXE sends; within 576 bytes a long option 82 would leave no room for iPXE's own.
    options.set(57, Uint8Array.of(0x05, 0xc0)).delete(82)
    if (userClass !== undefined) options.set(77, Buffer.from(userClass))
    if (features !== null) {
      const codes = features.length === 0 ? [] : [...features, 19]
      options.set(175, Uint8Array.from(codes.flatMap((code) => [code, 1, 1])))
    }
    const chaddr = new Uint8Array(message.chaddr)
    chaddr[0] = 0x52
    return { ...message, op: 1, htype: 1, hlen: 6, giaddr: noAddress, chaddr, options }
  })

t.test('an iPXE that speaks HTTP is never offered iPXE again', (t) => {
  let replies = 0
  fc.assert(
    fc.property(ipxeWithHttp, (message) => {
      const answered = new Box().answer(encode(message, { maxBytes: 4_000 }).bytes, ip('10.77.0.100'))
      const sent = sentIn(answered)
      if (sent === undefined || sent.message.options.get(53)?.[0] === 6) return
      replies++
      const { file, options } = sent.message
      const offered = [file, Buffer.from(options.get(67) ?? []).toString()].join(' ')
      ok(!programNames.some((name) => offered.includes(name)), offered)
      ok(offered.includes('http://10.77.0.1:8080/chain.ipxe'), offered)
      deepStrictEqual([...(options.get(175) ?? [])], [0xb0, 1, 1])
    }),
    { numRuns: 2_000 },
  )
  t.ok(replies > 500, `${replies} replies`)
  t.end()
})

t.test('an iPXE without HTTP gets one that has it', (t) => {
  const features = new Map(golden('discover-ipxe-bios').options)
  features.set(175, Uint8Array.of(0x21, 1, 1, 0x18, 1, 1))
  const sent = new Box().replyTo(someMessage({ options: features }))
  t.equal(sent.message.file, 'undionly.kpxe')
  t.equal(sent.message.options.has(175), false)
  t.end()
})

t.test('the same bytes at the same moment are answered the same', (t) => {
  for (const name of goldenNames) {
    t.strictSame(new Box().answer(goldenBytes(name)), new Box().answer(goldenBytes(name)), name)
  }
  t.end()
})
