import t from 'tap'
import { identify, nameOfClient, type BootClient } from '../../server/boot/identify.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { bytesOfText } from '../../server/wire/text.ts'
import { golden } from '../dhcp/golden.ts'
import { someMessage } from '../dhcp/messages.ts'

function clientOf(message: DhcpMessage): BootClient {
  const identified = identify(message)
  if (identified.kind === 'not-ours') throw new Error(identified.because)
  return identified.client
}

function withOptions(...options: [number, Uint8Array | string][]): DhcpMessage {
  return someMessage({
    options: new Map(
      options.map(([code, value]) => [code, typeof value === 'string' ? bytesOfText(value) : value]),
    ),
  })
}

t.test('captured clients are told apart', (t) => {
  const kinds: { readonly [packet: string]: BootClient['kind'] } = {
    'discover-bios-rom': 'pxe',
    'discover-uefi-pxe': 'pxe',
    'request-uefi-pxe': 'pxe',
    'discover-udhcpc-as-pxe': 'pxe',
    'request-boot-server': 'pxe',
    'discover-uefi-http': 'http',
    'discover-ipxe-bios': 'ipxe',
    'discover-ipxe-uefi': 'ipxe',
    'request-ipxe-uefi': 'ipxe',
    'discover-counted-user-class': 'ipxe',
    'discover-udhcpc': 'system',
    'discover-dhclient': 'system',
    'discover-perfdhcp-relayed': 'system',
    'release-dhclient': 'system',
    inform: 'system',
  }
  for (const [packet, kind] of Object.entries(kinds)) t.equal(clientOf(golden(packet)).kind, kind, packet)
  t.end()
})

t.test('what a machine shows of itself is read', (t) => {
  t.match(clientOf(golden('discover-uefi-pxe')), {
    mac: '52:54:00:77:00:02',
    architecture: { code: 7, name: 'x64 UEFI' },
    uuid: '102a4c7f-1e5b-6f4d-9a3b-0c1d2e3f4a5b',
    vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
  })
  t.match(clientOf(golden('discover-udhcpc')), { hostname: 'node-3', architecture: undefined })
  t.end()
})

t.test('iPXE is known by its user class, bare or counted, or by its own options', (t) => {
  t.equal(clientOf(withOptions([77, 'iPXE'])).kind, 'ipxe')
  t.equal(clientOf(withOptions([77, '\u0004iPXE'])).kind, 'ipxe')
  t.equal(clientOf(withOptions([77, '\u0003lab\u0004iPXE'])).kind, 'ipxe')
  t.equal(clientOf(withOptions([175, Uint8Array.of(0xb1, 1, 1)])).kind, 'ipxe')
  t.equal(clientOf(withOptions([175, new Uint8Array()])).kind, 'ipxe')
  t.equal(clientOf(withOptions([60, 'PXEClient'], [77, 'iPXE'])).kind, 'ipxe')
  t.equal(clientOf(withOptions([60, 'PXEClient'], [77, 'gPXE'])).kind, 'pxe')
  t.end()
})

t.test('an iPXE that lists its features without HTTP has none', (t) => {
  const speaks = (...options: [number, Uint8Array | string][]) => clientOf(withOptions(...options)).speaksHttp
  t.ok(speaks([77, 'iPXE']))
  t.ok(speaks([175, new Uint8Array()]))
  t.ok(speaks([175, Uint8Array.of(0x13, 1, 1)]))
  t.notOk(speaks([175, Uint8Array.of(0x18, 1, 1)]))
  t.end()
})

t.test('only the beginning of option 60 counts, and its case', (t) => {
  t.equal(clientOf(withOptions([60, 'PXEClient'])).kind, 'pxe')
  t.equal(clientOf(withOptions([60, 'HTTPClient:Arch:00016'])).kind, 'http')
  t.equal(clientOf(withOptions([60, 'a PXEClient'])).kind, 'system')
  t.equal(clientOf(withOptions([60, 'pxeclient'])).kind, 'system')
  t.equal(clientOf(withOptions([60, ''])).kind, 'system')
  t.equal(clientOf(withOptions()).kind, 'system')
  t.end()
})

t.test('a host name that is none is left out', (t) => {
  for (const good of ['a', 'node-1', 'node-1.rack.example', 'A9']) {
    t.equal(clientOf(withOptions([12, good])).hostname, good)
  }
  for (const bad of ['', '-a', 'a-', 'a b', '$(reboot)', 'é', 'a'.repeat(64), '\u001b[2J', 'a\nb']) {
    t.equal(clientOf(withOptions([12, bad])).hostname, undefined, JSON.stringify(bad))
  }
  t.end()
})

t.test('a vendor class is made printable and short', (t) => {
  t.equal(clientOf(withOptions([60, 'PXE\u001b[2J'])).vendorClass, 'PXE\u{fffd}[2J')
  t.equal(clientOf(withOptions([60, 'x'.repeat(250)])).vendorClass?.length, 120)
  t.end()
})

t.test('whom it is not about is said', (t) => {
  const because = (changes: Partial<DhcpMessage>) => {
    const identified = identify(someMessage(changes))
    return identified.kind === 'not-ours' ? identified.because : 'a client'
  }
  t.equal(because({ op: 2 }), 'it is a reply of some server')
  t.equal(because({ htype: 6 }), 'hardware type 6 with 6 bytes is not Ethernet')
  t.equal(because({ hlen: 16 }), 'hardware type 1 with 16 bytes is not Ethernet')
  t.equal(because({ chaddr: new Uint8Array(16).fill(255) }), 'ff:ff:ff:ff:ff:ff is the address of no machine')
  t.equal(because({}), 'a client')
  t.end()
})

t.test('each kind of client has a name for people', (t) => {
  t.equal(nameOfClient(clientOf(withOptions([60, 'PXEClient']))), 'PXE firmware')
  t.equal(nameOfClient(clientOf(withOptions([60, 'HTTPClient']))), 'HTTP boot firmware')
  t.equal(nameOfClient(clientOf(withOptions([77, 'iPXE']))), 'iPXE')
  t.equal(nameOfClient(clientOf(withOptions())), 'a system')
  t.equal(nameOfClient(clientOf(withOptions([12, 'node-1']))), 'the system node-1')
  t.end()
})
