import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import t from 'tap'
import { encode } from '../../server/dhcp/encode.ts'
import { macOf } from '../../server/dhcp/hardware-address.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { addressIn, addressesIn, textIn, u16In, u32In, u8In } from '../../server/dhcp/option-shapes.ts'
import { addressValue, secondsValue, textValue, u16Value } from '../../server/dhcp/option-values.ts'
import {
  maxMessageSizeOf,
  messageTypeOf,
  requestedAddressOf,
  requestedOptionsOf,
  serverIdentifierOf,
} from '../../server/dhcp/options.ts'
import { replyTo } from '../../server/dhcp/reply-to.ts'
import { parseIpv4 } from '../../server/wire/ipv4.ts'
import { messageOf } from '../dhcp/golden.ts'

// The npm package dhcp 0.2.20 is an independent reading of the same RFCs. Where the two read differently, the RFC is named.

type TheirMessage = { [field: string]: unknown; options: Record<number, unknown> }
type TheirClient = EventEmitter & {
  readonly _sock: EventEmitter & { send: (data: Buffer, from: number, length: number) => void; close(): void }
  sendDiscover(): void
}
const require = createRequire(import.meta.url)
const theirs = require('dhcp/lib/protocol.js') as {
  parse(bytes: Buffer): TheirMessage
  format(message: TheirMessage): { readonly _data: Buffer; readonly _w: number }
}
const dhcp = require('dhcp') as {
  createClient(settings: { mac: string; features?: string[] }): TheirClient
}

const server = parseIpv4('192.168.7.1')!
const lease = parseIpv4('192.168.7.50')!

function written(message: TheirMessage): DhcpMessage {
  const { _data, _w } = theirs.format(message)
  return messageOf(_data.subarray(0, _w))
}

const everyField: TheirMessage = {
  op: 2,
  htype: 1,
  hlen: 6,
  hops: 3,
  xid: 0xfedcba98,
  secs: 0x1234,
  flags: 0x8000,
  ciaddr: '10.0.0.1',
  yiaddr: '10.0.0.2',
  siaddr: '10.0.0.3',
  giaddr: '10.0.0.4',
  chaddr: '52-54-00-12-34-56',
  sname: '192.168.7.1',
  file: 'snponly.efi',
  options: {},
}

t.test('what the package writes, we read: every field', (t) => {
  const message = written(everyField)
  t.match(message, {
    op: 2,
    hops: 3,
    xid: 0xfedcba98,
    secs: 0x1234,
    flags: 0x8000,
    ciaddr: '10.0.0.1',
    yiaddr: '10.0.0.2',
    siaddr: '10.0.0.3',
    giaddr: '10.0.0.4',
    sname: '192.168.7.1',
    file: 'snponly.efi',
  })
  t.equal(macOf(message), '52:54:00:12:34:56')
  t.end()
})

t.test('what the package writes, we read: options of each of its shapes', (t) => {
  const message = written({
    ...everyField,
    options: {
      1: '255.255.255.0',
      6: ['10.0.0.1', '10.0.0.2'],
      12: 'node-3',
      51: 4_000_000_000,
      53: 5,
      55: [1, 3, 6],
      57: 1500,
    },
  })
  t.equal(addressIn(message, 1), '255.255.255.0')
  t.same(addressesIn(message, 6), ['10.0.0.1', '10.0.0.2'])
  t.equal(textIn(message, 12), 'node-3')
  t.equal(u32In(message, 51), 4_000_000_000)
  t.equal(u8In(message, 53), 5)
  t.same(requestedOptionsOf(message), [1, 3, 6])
  t.equal(u16In(message, 57), 1500)
  t.end()
})

t.test('what we write, the package reads: every field, and the options it knows', (t) => {
  const request = written({ ...everyField, op: 1, options: { 53: 1 } })
  const base = replyTo(request, 'offer', server)
  const reply: DhcpMessage = {
    ...base,
    yiaddr: lease,
    siaddr: server,
    sname: '192.168.7.1',
    file: 'snponly.efi',
    options: new Map([
      ...base.options,
      [51, secondsValue(3600)],
      [1, addressValue(parseIpv4('255.255.255.0')!)],
      [6, Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2)],
      [15, textValue('rack.example')],
      [26, u16Value(1500)],
      [67, textValue('snponly.efi')],
    ]),
  }
  const read = theirs.parse(Buffer.from(encode(reply).bytes))
  t.match(read, {
    op: 2,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: 0xfedcba98,
    flags: 0x8000,
    yiaddr: '192.168.7.50',
    siaddr: '192.168.7.1',
    giaddr: '10.0.0.4',
    chaddr: '52-54-00-12-34-56',
    sname: '192.168.7.1',
    file: 'snponly.efi',
    magicCookie: 0x63825363,
  })
  t.same(read.options, {
    1: '255.255.255.0',
    6: ['10.0.0.1', '10.0.0.2'],
    15: 'rack.example',
    26: 1500,
    51: 3600,
    53: 2,
    54: '192.168.7.1',
    67: 'snponly.efi',
  })
  t.end()
})

/** The package's client with its wire cut: what it sends is kept, what is given to it arrives. */
function clientOnABench(t: Tap) {
  const client = dhcp.createClient({ mac: '52:54:00:77:00:09', features: ['hostname'] })
  const sent: DhcpMessage[] = []
  client._sock.send = (data, from, length) => sent.push(messageOf(data.subarray(from, from + length)))
  t.teardown(() => client._sock.close())
  return {
    client,
    sent,
    receive: (reply: DhcpMessage) => client._sock.emit('message', Buffer.from(encode(reply).bytes)),
  }
}

type Tap = { teardown(after: () => void): void }

t.test('the client of the package goes from DISCOVER to bound by packets of ours', (t) => {
  const { client, sent, receive } = clientOnABench(t)
  let bound:
    { address: string; server: string; leasePeriod: number; options: Record<string, unknown> } | undefined
  client.on('bound', (state) => (bound = state))

  client.sendDiscover()
  const discover = sent[0]!
  t.equal(messageTypeOf(discover), 'discover')
  t.equal(macOf(discover), '52:54:00:77:00:09')
  t.same(requestedOptionsOf(discover), [1, 3, 51, 54, 6, 12])
  t.equal(maxMessageSizeOf(discover), 1500)

  receive({ ...replyTo(discover, 'offer', server), yiaddr: lease })
  const request = sent[1]!
  t.equal(messageTypeOf(request), 'request')
  t.equal(request.xid, discover.xid)
  // It says neither whom nor what it chose, both of which RFC 2131 §4.3.2 asks of a client that selects.
  t.equal(serverIdentifierOf(request), undefined)
  t.equal(requestedAddressOf(request), undefined)

  const ack = replyTo(request, 'ack', server)
  const options = new Map([
    ...ack.options,
    [51, secondsValue(120)] as const,
    [12, textValue('node-9')] as const,
  ])
  receive({ ...ack, yiaddr: lease, options })
  t.match(bound, {
    address: '192.168.7.50',
    server: '192.168.7.1',
    leasePeriod: 120,
    options: { hostname: 'node-9' },
  })
  t.end()
})
