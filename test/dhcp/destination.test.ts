import t from 'tap'
import { destination, type Arrival } from '../../server/dhcp/destination.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { replyTo, type ReplyType } from '../../server/dhcp/reply-to.ts'
import { ipv4OfNumber, noAddress, parseIpv4 } from '../../server/wire/ipv4.ts'
import { golden } from './golden.ts'

const server = parseIpv4('192.168.7.1')!
const client = parseIpv4('192.168.7.60')!
const fromNobody: Arrival = { port: 67, from: { address: noAddress, port: 68 } }
const fromClient: Arrival = { port: 67, from: { address: client, port: 68 } }

function goes(request: DhcpMessage, type: ReplyType, arrival = fromNobody): string {
  const { kind, address, port } = destination(replyTo(request, type, server), request, arrival)
  return `${kind} ${address}:${port}`
}

t.test('a client without an address is answered by broadcast, whether it asked for that or not', (t) => {
  t.equal(goes(golden('discover-uefi-pxe'), 'offer'), 'asked-for-broadcast 255.255.255.255:68')
  t.equal(goes(golden('discover-ipxe-bios'), 'offer'), 'new-address 255.255.255.255:68')
  t.equal(goes(golden('request-udhcpc'), 'ack'), 'new-address 255.255.255.255:68')
  t.end()
})

t.test('a client that has its address is answered there', (t) => {
  t.equal(goes(golden('request-udhcpc-renewing'), 'ack', fromClient), 'client-address 10.77.0.100:68')
  t.equal(goes(golden('inform'), 'ack', fromClient), 'client-address 192.168.7.60:68')
  t.end()
})

t.test('an INFORM that forgot its ciaddr is answered where it came from', (t) => {
  const inform = { ...golden('inform'), ciaddr: noAddress }
  t.equal(goes(inform, 'ack', fromClient), 'informed-source 192.168.7.60:68')
  t.equal(goes(inform, 'ack'), 'new-address 255.255.255.255:68')
  t.end()
})

t.test('a NAK is broadcast, even to a client that has an address', (t) => {
  t.equal(goes(golden('request-udhcpc-renewing'), 'nak', fromClient), 'refusal 255.255.255.255:68')
  t.end()
})

t.test('all that came through a relay goes back to it', (t) => {
  const discover = golden('discover-perfdhcp-relayed')
  const relay: Arrival = { port: 67, from: { address: discover.giaddr, port: 12_345 } }
  t.equal(goes(discover, 'offer', relay), 'relay 10.77.0.9:67')
  t.equal(goes(discover, 'nak', relay), 'relay 10.77.0.9:67')
  t.equal(goes({ ...discover, ciaddr: client }, 'ack', relay), 'relay 10.77.0.9:67', 'before ciaddr')
  t.equal(goes(golden('request-relayed'), 'ack', relay), 'relay 10.9.9.9:12345', 'at the port of RFC 8357')
  t.end()
})

t.test('a boot server answers the port it was asked from', (t) => {
  const request = golden('request-boot-server')
  const at4011 = (address = noAddress): Arrival => ({ port: 4011, from: { address, port: 4011 } })
  t.equal(goes(request, 'ack', at4011()), 'boot-server-client 192.168.7.50:4011')
  t.equal(
    goes(request, 'ack', { port: 4011, from: { address: client, port: 68 } }),
    'boot-server-client 192.168.7.50:68',
  )
  const without = { ...request, ciaddr: noAddress }
  t.equal(goes(without, 'ack', at4011(client)), 'boot-server-client 192.168.7.60:4011')
  t.equal(goes(without, 'ack', at4011()), 'boot-server-client 255.255.255.255:4011')
  t.end()
})

t.test('no combination of addresses leads to 0.0.0.0 or to port 0', (t) => {
  let tried = 0
  for (const type of ['offer', 'ack', 'nak'] as const)
    for (const ciaddr of [noAddress, client])
      for (const giaddr of [noAddress, ipv4OfNumber(0x0a090909)])
        for (const flags of [0, 0x8000])
          for (const port of [67, 4011])
            for (const address of [noAddress, client]) {
              const request = { ...golden('request-udhcpc'), ciaddr, giaddr, flags }
              const arrival = { port, from: { address, port: 68 } }
              const to = destination(replyTo(request, type, server), request, arrival)
              t.not(to.address, noAddress)
              t.ok(to.port > 0)
              tried++
            }
  t.equal(tried, 96)
  t.end()
})
