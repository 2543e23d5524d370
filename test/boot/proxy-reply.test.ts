import t from 'tap'
import { encode } from '../../server/dhcp/encode.ts'
import { describe } from '../../server/dhcp/describe.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { hexOf } from '../../server/wire/hex.ts'
import { bytesOfIpv4 } from '../../server/wire/ipv4.ts'
import { golden, goldenBytes, goldenNames } from '../dhcp/golden.ts'
import { ip } from '../networks/a-network.ts'
import { Box, byHand, captured, kinds, reasonOf, sentIn } from './a-box.ts'

const foreign = ip('10.77.0.2')
const proxyBox = (around = captured) => new Box({ ...around, mode: 'proxy', pool: undefined })

/** The message as its sender writes it when another server gave the address. */
function taking(name: string, changes: Partial<DhcpMessage> = {}, server = foreign): DhcpMessage {
  const message = golden(name)
  const options = new Map(message.options).set(54, bytesOfIpv4(server))
  return { ...message, options, ...changes }
}

const uefi = `OFFER to client 52:54:00:77:00:02, transaction 2ad4ebc2, by broadcast
  siaddr: 10.77.0.1
  sname: "10.77.0.1"
  file: "snponly.efi"
  53 message type: OFFER
  54 server identifier: 10.77.0.1
  97 client machine identifier: 102a4c7f-1e5b-6f4d-9a3b-0c1d2e3f4a5b
  60 vendor class: "PXEClient"
  43 vendor-specific information: { 6: 08 }
  66 TFTP server name: "10.77.0.1"
  67 boot file name: "snponly.efi"`

const ipxe = (
  mac: string,
  transaction: string,
) => `OFFER to client ${mac}, transaction ${transaction}, by broadcast
  siaddr: 10.77.0.1
  sname: "10.77.0.1"
  file: "http://10.77.0.1:8080/chain.ipxe"
  53 message type: OFFER
  54 server identifier: 10.77.0.1
  61 client identifier: 01 ${mac.replaceAll(':', ' ')}
  97 client machine identifier: 102a4c7f-1e5b-6f4d-9a3b-0c1d2e3f4a5b
  60 vendor class: "PXEClient"
  43 vendor-specific information: { 6: 08 }
  66 TFTP server name: "10.77.0.1"
  67 boot file name: "http://10.77.0.1:8080/chain.ipxe"`

/** The offers of boot facts §1.5 B: no address, no network, and all that the firmware needs to go on without port 4011. */
const offers: ReadonlyMap<string, string> = new Map([
  [
    'discover-bios-rom',
    `OFFER to client 52:54:00:12:34:56, transaction 1d2c3b4a, by broadcast
  siaddr: 10.77.0.1
  sname: "10.77.0.1"
  file: "undionly.kpxe"
  53 message type: OFFER
  54 server identifier: 10.77.0.1
  97 client machine identifier: 4c4c4544-004d-3510-804a-b4c04f333532
  60 vendor class: "PXEClient"
  43 vendor-specific information: { 6: 08 }
  66 TFTP server name: "10.77.0.1"
  67 boot file name: "undionly.kpxe"`,
  ],
  ['discover-uefi-pxe', uefi],
  [
    'discover-uefi-http',
    `OFFER to client 52:54:00:77:00:02, transaction 639eb962, by broadcast
  siaddr: 10.77.0.1
  file: "http://10.77.0.1:8080/programs/snponly.efi"
  53 message type: OFFER
  54 server identifier: 10.77.0.1
  97 client machine identifier: 102a4c7f-1e5b-6f4d-9a3b-0c1d2e3f4a5b
  60 vendor class: "HTTPClient"
  67 boot file name: "http://10.77.0.1:8080/programs/snponly.efi"`,
  ],
  ['discover-ipxe-bios', ipxe('52:54:00:77:00:01', '6499c848')],
  ['discover-ipxe-uefi', ipxe('52:54:00:77:00:02', 'a9e1cf19')],
])

for (const [name, expected] of offers) {
  t.test(`${name} is told what to boot, and given no address`, (t) => {
    const box = proxyBox()
    const answered = box.answer(goldenBytes(name))
    const sent = sentIn(answered)
    if (sent === undefined) throw new Error(reasonOf(answered))
    t.equal(sent.to, '255.255.255.255:68')
    t.equal(describe(sent.message), expected)
    t.equal(sent.message.yiaddr, '0.0.0.0')
    t.ok(sent.bytes.length >= 300)
    t.strictSame(answered.leases, [], 'no address is held for it')
    t.strictSame(kinds(answered.happened), ['firmware-asked', 'boot-offered'])
    t.equal(answered.seen?.stage, name.includes('ipxe') ? 'ipxe' : 'firmware')
    const vendor = sent.message.options.get(43)
    t.equal(vendor && hexOf(vendor), name === 'discover-uefi-http' ? undefined : '060108ff', 'closed by 255')
    t.end()
  })
}

t.test('ordinary clients hear nothing, whatever they ask', (t) => {
  const ordinary = goldenNames.filter((name) =>
    /udhcpc|dhclient|without-end|decline|inform|perfdhcp/.test(name),
  )
  const systems = ordinary.filter((name) => name !== 'discover-udhcpc-as-pxe')
  t.ok(systems.length >= 9, `${systems.length} packets`)
  for (const name of systems) {
    for (const port of [67, 4011]) {
      for (const around of [captured, byHand]) {
        const answered = proxyBox(around).answer(goldenBytes(name), ip('10.77.0.9'), port)
        t.strictSame(answered.send, [], `${name} on ${port}`)
        t.strictSame(answered.leases, [])
      }
    }
  }
  t.end()
})

t.test('a REQUEST to the other server is left to it, and tells where the machine stands', (t) => {
  for (const name of ['request-uefi-pxe', 'request-ipxe-bios', 'request-uefi-http', 'request-udhcpc']) {
    const request = taking(name)
    const answered = proxyBox().ask(request)
    t.equal(answered.reply, undefined, name)
    t.match(answered.happened, [{ kind: 'address-taken', from: 'the server 10.77.0.2' }])
    const wanted = request.options.get(50)
    t.strictSame(answered.stands && [...bytesOfIpv4(answered.stands.address)], [...(wanted ?? [])])
    t.equal(answered.stands?.mac, answered.seen?.sighting.mac)
  }
  t.end()
})

t.test('a REQUEST that names this box is acknowledged, without an address', (t) => {
  const answered = proxyBox().ask(golden('request-uefi-pxe'))
  t.match(answered.reply, { to: '255.255.255.255:68', message: { yiaddr: '0.0.0.0', file: 'snponly.efi' } })
  t.strictSame([...(answered.reply?.message.options.get(53) ?? [])], [5])
  t.end()
})

t.test('a boot server answers to the address and port that asked, with the boot item', (t) => {
  for (const fromPort of [4011, 68]) {
    const answered = proxyBox(byHand).answer(
      goldenBytes('request-boot-server'),
      ip('192.168.7.50'),
      4011,
      fromPort,
    )
    const sent = sentIn(answered)
    t.equal(sent?.to, `192.168.7.50:${fromPort}`)
    t.equal(
      sent && describe(sent.message),
      `ACK to client 52:54:00:12:34:56, transaction 1d2c3b4a
  ciaddr: 192.168.7.50
  siaddr: 192.168.7.1
  sname: "192.168.7.1"
  file: "snponly.efi"
  53 message type: ACK
  54 server identifier: 192.168.7.1
  97 client machine identifier: 4c4c4544-004d-3510-804a-b4c04f333532
  60 vendor class: "PXEClient"
  43 vendor-specific information: { 71: 80 00 00 00 }
  66 TFTP server name: "192.168.7.1"
  67 boot file name: "snponly.efi"`,
    )
    t.equal(hexOf(sent?.message.options.get(43) ?? new Uint8Array()), '470480000000ff')
    t.strictSame(answered.stands, { address: ip('192.168.7.50'), mac: answered.seen?.sighting.mac })
  }
  t.end()
})

t.test('a boot server that is asked without a boot item, or by INFORM, answers as well', (t) => {
  const message = golden('request-boot-server')
  const options = new Map(message.options)
  options.delete(43)
  for (const type of [3, 8]) {
    options.set(53, Uint8Array.of(type))
    const request = { ...message, options: new Map(options) }
    const box = proxyBox(byHand)
    const sent = sentIn(box.answer(encoded(request), ip('192.168.7.50'), 4011, 4011))
    t.equal(sent?.message.file, 'snponly.efi')
    t.equal(sent?.message.options.has(43), false)
  }
  t.end()
})

t.test('a boot server gives iPXE its script, and DISCOVERs nothing', (t) => {
  const box = proxyBox()
  const asking = { ...golden('request-ipxe-uefi'), ciaddr: ip('10.77.0.50') }
  const sent = sentIn(box.answer(encoded(asking), ip('10.77.0.50'), 4011, 68))
  t.match(sent, { to: '10.77.0.50:68', message: { file: 'http://10.77.0.1:8080/chain.ipxe' } })
  const silence = box.answer(goldenBytes('discover-uefi-pxe'), ip('10.77.0.50'), 4011, 4011)
  t.strictSame(silence.send, [])
  t.end()
})

t.test('firmware without a program for it is told of, and not answered', (t) => {
  const box = proxyBox()
  box.settings = { ...box.settings, programs: new Set() }
  const answered = box.answer(goldenBytes('discover-uefi-pxe'))
  t.strictSame(answered.send, [])
  t.match(answered.happened, [
    { kind: 'firmware-asked' },
    { kind: 'boot-offered', program: 'nothing', because: /this box has none of snponly.efi/ },
  ])
  t.end()
})

t.test('an address outside the network, or of this box, is nobody’s whereabouts', (t) => {
  for (const address of ['10.78.0.9', '10.77.0.1', '0.0.0.0']) {
    const message = taking('request-uefi-pxe', { ciaddr: ip(address) })
    const options = new Map(message.options)
    options.delete(50)
    t.equal(proxyBox().ask({ ...message, options }).stands, undefined, address)
  }
  t.end()
})

t.test('what this box broadcast itself is left alone', (t) => {
  for (const mode of ['full', 'proxy', 'observe'] as const) {
    const box = new Box({ ...captured, mode })
    const answered = box.answer(goldenBytes('discover-uefi-pxe'), ip('10.77.0.1'))
    t.strictSame(answered.send, [])
    t.strictSame(answered.leases, [])
    t.equal(reasonOf(answered), 'this box sent it itself')
  }
  t.end()
})

t.test('an observed network tells which server its clients choose', (t) => {
  const box = new Box({ ...captured, mode: 'observe' })
  t.match(box.ask(taking('request-udhcpc')).happened, [
    {
      kind: 'foreign-server-seen',
      server: '10.77.0.2',
      because: /the system node-3 .* takes its address from it/,
    },
  ])
  t.match(box.ask(taking('request-udhcpc', {}, ip('10.77.0.1'))).happened, [{ kind: 'packet-ignored' }])
  t.end()
})

t.test('a box that owns its network tells of clients that choose another server', (t) => {
  const full = new Box(captured)
  t.match(full.ask(taking('request-udhcpc')).happened, [
    { kind: 'other-server-chosen' },
    { kind: 'foreign-server-seen', server: '10.77.0.2' },
  ])
  const beside = new Box({ ...captured, authoritative: true })
  t.strictSame(kinds(beside.ask(taking('request-udhcpc')).happened), ['other-server-chosen'], 'it knows')
  t.end()
})

function encoded(message: DhcpMessage): Uint8Array {
  return encode(message, { maxBytes: 1472 }).bytes
}
