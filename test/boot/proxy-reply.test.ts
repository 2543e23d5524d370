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
  175 iPXE options: { 1: 01 }
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

const [bios, uefiRom] = ['discover-bios-rom', 'discover-uefi-pxe'] as const

/** What a form of the offer has, and what it leaves to port 4011. */
const forms = [
  ['with-43', { file: 'snponly.efi', codes: [53, 54, 97, 60, 43, 66, 67] }],
  ['without-43', { file: 'snponly.efi', codes: [53, 54, 97, 60, 66, 67] }],
  ['boot-server', { file: '', codes: [53, 54, 97, 60] }],
] as const

for (const [form, { file, codes }] of forms) {
  t.test(`${form}: the offer has these options, and port 4011 the rest`, (t) => {
    const box = proxyBox()
    box.form = form
    const { reply, happened } = box.ask(golden(uefiRom))
    t.match(reply?.message, { file, siaddr: '10.77.0.1', yiaddr: '0.0.0.0' })
    t.equal(reply?.message.sname, file === '' ? '' : '10.77.0.1')
    t.strictSame([...(reply?.message.options.keys() ?? [])], codes)
    t.match(happened[1], { kind: 'boot-offered', program: 'snponly.efi', strategy: form })

    const asking = { ...golden('request-boot-server'), ciaddr: ip('10.77.0.50') }
    const told = sentIn(box.answer(encoded(asking), ip('10.77.0.50'), 4011, 4011))
    t.match(told?.message, { file: 'snponly.efi', siaddr: '10.77.0.1' })
    t.ok(told?.message.options.has(67))
    // A REQUEST to this box on port 67 wants the whole as well.
    const named = box.ask(golden('request-uefi-pxe')).reply?.message
    t.match(named, { file: 'snponly.efi', yiaddr: '0.0.0.0' })
    t.equal(named?.options.has(43), form === 'with-43')
    t.end()
  })
}

t.test('iPXE, HTTP boot and Raspberry Pi are offered the same, whatever the form', (t) => {
  const names = ['discover-ipxe-bios', 'discover-ipxe-uefi', 'discover-uefi-http', 'discover-raspberry-pi-4']
  for (const name of names) {
    const answers = forms.map(([form]) => {
      const box = proxyBox()
      box.settings = {
        ...box.settings,
        programs: new Set([...box.settings.programs, 'raspberry-pi/config.txt']),
      }
      box.form = form
      const { reply, happened } = box.ask(golden(name))
      t.notOk(happened.some((event) => 'strategy' in event))
      return hexOf(reply?.bytes ?? new Uint8Array())
    })
    t.equal(new Set(answers).size, 1, name)
    t.ok((answers[0] ?? '').length > 600)
  }
  t.end()
})

t.test('a Raspberry Pi hears its own text in option 43, without a menu to look through', (t) => {
  const box = proxyBox()
  box.settings = { ...box.settings, programs: new Set(['raspberry-pi/config.txt']) }
  const { reply } = box.ask(golden('discover-raspberry-pi-4'))
  const vendor = hexOf(reply?.message.options.get(43) ?? new Uint8Array())
  t.match(vendor, /^060108/)
  t.ok(vendor.includes(hexOf(new TextEncoder().encode('Raspberry Pi Boot'))))
  t.match(vendor, /ff$/)
  t.end()
})

t.test('firmware that fetches nothing is offered the next form when it boots again, and told of', (t) => {
  const box = proxyBox()
  const boot = (name: string, xid: number) => {
    box.now += 100_000
    const { reply, happened } = box.ask({ ...golden(name), xid })
    return { has43: reply?.message.options.has(43), file: reply?.message.file, happened }
  }
  t.match(boot(uefiRom, 1), { has43: true, file: 'snponly.efi' })
  const second = boot(uefiRom, 2)
  t.match(second, { has43: false, file: 'snponly.efi' })
  t.match(second.happened, [
    { kind: 'proxy-strategy-changed', from: 'with-43', to: 'without-43', mac: '52:54:00:77:00:02' },
    { kind: 'firmware-asked' },
    { kind: 'boot-offered', strategy: 'without-43' },
  ])
  t.match(boot(uefiRom, 3), { has43: false, file: '' })
  t.match(boot(uefiRom, 4), { has43: true, file: 'snponly.efi' })
  t.end()
})

t.test('asks of one boot get the same answer, byte for byte', (t) => {
  const box = proxyBox()
  const replies = [0, 4, 8, 16, 32].map((gap) => {
    box.now += gap * 1_000
    return hexOf(box.replyTo(golden(bios)).bytes)
  })
  t.equal(new Set(replies).size, 1)
  t.equal(box.learnt.proxy?.failures, 0)
  t.end()
})

t.test('a form that the settings fix is kept whatever fails, and teaches nothing', (t) => {
  const box = proxyBox()
  box.form = 'without-43'
  for (let boot = 0; boot < 5; boot++) {
    box.now += 100_000
    const { reply, happened } = box.ask(golden(uefiRom))
    t.equal(reply?.message.options.has(43), false)
    t.strictSame(kinds(happened), ['firmware-asked', 'boot-offered'])
  }
  t.equal(box.learnt.proxy, undefined)
  t.end()
})

t.test('firmware that goes on to HTTP boot has not taken what it was offered by PXE', (t) => {
  const box = proxyBox()
  box.ask(golden(uefiRom))
  box.now += 30_000
  const { happened, reply } = box.ask(golden('discover-uefi-http'))
  t.equal(reply?.message.file, 'http://10.77.0.1:8080/programs/snponly.efi')
  t.match(happened, [
    { kind: 'proxy-strategy-changed', to: 'without-43' },
    { kind: 'firmware-asked' },
    { kind: 'boot-offered' },
  ])
  t.end()
})

t.test('a box that has nothing for a machine tries no form on it', (t) => {
  const box = proxyBox()
  box.settings = { ...box.settings, programs: new Set() }
  for (let boot = 0; boot < 3; boot++) {
    box.now += 100_000
    t.strictSame(kinds(box.ask(golden(uefiRom)).happened), [
      'firmware-asked',
      'boot-offered',
      'firmware-without-program',
    ])
  }
  t.equal(box.learnt.proxy, undefined)
  t.end()
})

// iPXE, net/udp/dhcp.c: it takes an offer from port 67 alone for a proxy's, by the vendor class, and goes by it at once if it
// has a server and a file; it waits for one for two seconds from its first DISCOVER.
t.test('iPXE has in one offer all that it looks for, with nothing to ask for on port 4011', (t) => {
  for (const name of ['discover-ipxe-bios', 'discover-ipxe-uefi']) {
    const { reply } = proxyBox().ask(golden(name))
    if (reply === undefined) throw new Error('no offer')
    const { siaddr, yiaddr, options, file } = reply.message
    t.equal(reply.to, '255.255.255.255:68')
    t.equal(yiaddr, '0.0.0.0', 'what has an address is taken for an offer of addresses')
    t.equal(new TextDecoder().decode(options.get(60)), 'PXEClient')
    t.equal(siaddr, '10.77.0.1')
    t.equal(file, 'http://10.77.0.1:8080/chain.ipxe')
    t.strictSame([...(options.get(54) ?? [])], [10, 77, 0, 1])
    t.strictSame([...(options.get(175) ?? [])], [1, 1, 1], 'before whatever else is offered to it')
  }
  t.end()
})

t.test('iPXE’s own REQUEST goes to the other server, and one to this box is answered on either port', (t) => {
  const box = proxyBox()
  const elsewhere = box.ask(taking('request-ipxe-uefi'))
  t.equal(elsewhere.reply, undefined)
  t.match(elsewhere.happened, [{ kind: 'address-taken', from: 'the server 10.77.0.2', to: 'iPXE' }])
  const onPort67 = box.ask(taking('request-ipxe-uefi', {}, ip('10.77.0.1')))
  t.match(onPort67.reply, { to: '255.255.255.255:68', message: { file: 'http://10.77.0.1:8080/chain.ipxe' } })
  // As `dhcp_proxy_tx` sends it: from port 68, with its address, naming the server that offered.
  const request = taking('request-ipxe-uefi', { ciaddr: ip('10.77.0.50') }, ip('10.77.0.1'))
  const sent = sentIn(box.answer(encoded(request), ip('10.77.0.50'), 4011, 68))
  t.match(sent, {
    to: '10.77.0.50:68',
    message: { file: 'http://10.77.0.1:8080/chain.ipxe', siaddr: '10.77.0.1', xid: request.xid },
  })
  t.strictSame([...(sent?.message.options.get(53) ?? [])], [5])
  t.strictSame([...(sent?.message.options.get(54) ?? [])], [10, 77, 0, 1])
  t.end()
})

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
    { kind: 'firmware-without-program', number: 7, because: /this box has none of snponly.efi/ },
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
