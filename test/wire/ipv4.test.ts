import { isIPv4 } from 'node:net'
import * as fc from 'fast-check'
import t from 'tap'
import {
  broadcastOf,
  bytesOfIpv4,
  contains,
  ipv4OfBytes,
  ipv4OfNumber,
  netmaskOf,
  numberOfIpv4,
  parseIpv4,
  parseSubnet,
  subnetOf,
} from '../../server/wire/ipv4.ts'

const number = fc.nat(0xffff_ffff)

t.test('number, bytes and text are each other', (t) => {
  fc.assert(
    fc.property(number, (value) => {
      const address = ipv4OfNumber(value)
      const bytes = bytesOfIpv4(address)
      return (
        isIPv4(address) &&
        parseIpv4(address) === address &&
        numberOfIpv4(address) === value &&
        ipv4OfBytes(bytes) === address &&
        new DataView(bytes.buffer).getUint32(0) === value
      )
    }),
  )
  t.equal(numberOfIpv4(ipv4OfNumber(0xffff_ffff)), 0xffff_ffff)
  t.equal(ipv4OfBytes(new Uint8Array(3)), undefined)
  t.equal(ipv4OfBytes(new Uint8Array(16)), undefined)
  t.end()
})

t.test('an address is read exactly when Node takes it for one', (t) => {
  const part = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom('', '.', '00', '01', ' ', '-1', '+1', '1e1', '0x1', '\n') },
    { weight: 9, arbitrary: fc.nat(260).map(String) },
  )
  const nearly = fc.array(part, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.'))
  let read = 0
  fc.assert(
    fc.property(nearly, (text) => {
      if (parseIpv4(text) !== undefined) read++
      return (parseIpv4(text) !== undefined) === isIPv4(text)
    }),
    { numRuns: 1_000 },
  )
  t.ok(read > 50, `${read} were addresses`)
  for (const text of ['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4\n', ' 1.2.3.4', '1..2.3']) {
    t.equal(parseIpv4(text), undefined, JSON.stringify(text))
  }
  t.end()
})

t.test('a subnet holds the addresses from its first to its broadcast address, and no others', (t) => {
  fc.assert(
    fc.property(number, fc.nat(32), number, (value, prefixLength, other) => {
      const subnet = subnetOf(ipv4OfNumber(value), prefixLength)
      const first = numberOfIpv4(subnet.network)
      const last = numberOfIpv4(broadcastOf(subnet))
      return (
        last - first + 1 === 2 ** (32 - prefixLength) &&
        first <= value &&
        value <= last &&
        numberOfIpv4(netmaskOf(subnet)) === 2 ** 32 - 2 ** (32 - prefixLength) &&
        contains(subnet, ipv4OfNumber(other)) === (first <= other && other <= last)
      )
    }),
  )
  t.pass('for any address and any length')
  t.end()
})

t.test('a subnet is written as address and length', (t) => {
  t.same(parseSubnet('192.168.7.9/24'), { network: '192.168.7.0', prefixLength: 24 })
  t.same(parseSubnet('10.0.0.1/32'), { network: '10.0.0.1', prefixLength: 32 })
  t.same(parseSubnet('255.255.255.255/0'), { network: '0.0.0.0', prefixLength: 0 })
  for (const text of [
    '192.168.7.0',
    '192.168.7.0/',
    '192.168.7.0/33',
    '192.168.7.0/024',
    '192.168.7.0/-1',
    '1.2.3/8',
    '1.2.3.4/8/8',
    '/8',
  ]) {
    t.equal(parseSubnet(text), undefined, text)
  }
  t.end()
})
