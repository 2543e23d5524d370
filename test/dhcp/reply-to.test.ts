import t from 'tap'
import { encode } from '../../server/dhcp/encode.ts'
import { messageTypeOf, serverIdentifierOf } from '../../server/dhcp/options.ts'
import { replyTo } from '../../server/dhcp/reply-to.ts'
import { noAddress, parseIpv4 } from '../../server/wire/ipv4.ts'
import { golden, goldenNames } from './golden.ts'

const server = parseIpv4('192.168.7.1')!

t.test('a reply carries what its request must find again', (t) => {
  const requests = goldenNames.filter((name) => golden(name).op === 1)
  t.ok(requests.length > 15)
  for (const name of requests) {
    const request = golden(name)
    const reply = replyTo(request, 'ack', server)
    t.equal(reply.op, 2)
    for (const field of ['htype', 'hlen', 'xid', 'flags', 'giaddr', 'chaddr', 'ciaddr'] as const) {
      t.same(reply[field], request[field], `${field} of ${name}`)
    }
    for (const code of [61, 82, 97, 118]) {
      t.same(reply.options.get(code), request.options.get(code), `option ${code} of ${name}`)
    }
    t.same([reply.hops, reply.secs, reply.yiaddr, reply.siaddr], [0, 0, noAddress, noAddress])
    t.notOk(
      [60, 55, 57, 93, 94, 175].some((code) => reply.options.has(code)),
      'and nothing else of it',
    )
  }
  t.end()
})

t.test('option 82 goes back byte for byte, and last', (t) => {
  const request = golden('request-relayed')
  const bytes = Buffer.from(encode(replyTo(request, 'ack', server)).bytes)
  const value = Buffer.from(request.options.get(82)!)
  const end = bytes.lastIndexOf(255)
  t.same(bytes.subarray(end - value.length - 2, end), Buffer.concat([Buffer.of(82, value.length), value]))
  t.end()
})

t.test('only an ACK repeats ciaddr', (t) => {
  const renewing = golden('request-udhcpc-renewing')
  t.equal(replyTo(renewing, 'ack', server).ciaddr, '10.77.0.100')
  t.equal(replyTo(renewing, 'nak', server).ciaddr, noAddress)
  t.equal(replyTo(renewing, 'offer', server).ciaddr, noAddress)
  t.end()
})

t.test('type and server are set', (t) => {
  for (const type of ['offer', 'ack', 'nak'] as const) {
    const reply = replyTo(golden('discover-udhcpc'), type, server)
    t.equal(messageTypeOf(reply), type)
    t.equal(serverIdentifierOf(reply), server)
  }
  t.end()
})

t.test('a relay that stands in for the server is named instead of it', (t) => {
  const request = golden('request-relayed')
  t.equal(serverIdentifierOf(replyTo(request, 'ack', server)), '10.20.0.1')
  const unrelayed = { ...request, giaddr: noAddress }
  t.equal(
    serverIdentifierOf(replyTo(unrelayed, 'ack', server)),
    server,
    'a client cannot claim that for itself',
  )
  t.end()
})

t.test('a NAK through a relay sets the broadcast flag, and no other reply does', (t) => {
  const relayed = golden('discover-perfdhcp-relayed')
  t.equal(replyTo(relayed, 'nak', server).flags, 0x8000)
  t.equal(replyTo(relayed, 'offer', server).flags, 0)
  t.equal(replyTo(golden('request-udhcpc'), 'nak', server).flags, 0)
  t.end()
})
