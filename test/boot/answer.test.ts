import t from 'tap'
import type { Test } from 'tap'
import { architectures } from '../../server/dhcp/architectures.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { messageTypes } from '../../server/dhcp/message.ts'
import { optionCodes } from '../../server/dhcp/option-codes.ts'
import { Roster } from '../../server/machines/roster.ts'
import { hexOf } from '../../server/wire/hex.ts'
import { bytesOfIpv4, ipv4OfBytes, type Ipv4 } from '../../server/wire/ipv4.ts'
import { bytesOfText } from '../../server/wire/text.ts'
import { golden, goldenBytes } from '../dhcp/golden.ts'
import { someMessage } from '../dhcp/messages.ts'
import { aLease, ip, macNumber, reserve, subnet } from '../networks/a-network.ts'
import { Box, byHand, captured, kinds, reasonOf, sentIn, type Sent } from './a-box.ts'

const everybody = '255.255.255.255:68'

function text(sent: Sent, code: number): string | undefined {
  const value = sent.message.options.get(code)
  return value === undefined ? undefined : Buffer.from(value).toString()
}

function hex(sent: Sent, code: number): string | undefined {
  const value = sent.message.options.get(code)
  return value === undefined ? undefined : hexOf(value)
}

function address(sent: Sent, code: number): Ipv4 | undefined {
  return ipv4OfBytes(sent.message.options.get(code) ?? new Uint8Array())
}

/** Options of a reply in the order of their codes, with those that every lease has left out. */
function codesBesideTheLease({ message }: Sent): readonly number[] {
  const ofTheLease = [1, 3, 6, 15, 28, 51, 53, 54, 58, 59]
  return [...message.options.keys()].filter((code) => !ofTheLease.includes(code)).sort((a, b) => a - b)
}

function isOwedToEachClient(t: Test, box: Box, request: DhcpMessage, sent: Sent): void {
  const { message, bytes } = sent
  t.equal(message.op, 2)
  t.equal(message.xid, request.xid)
  t.equal(message.flags, request.flags)
  t.equal(message.giaddr, request.giaddr)
  t.strictSame(message.chaddr, request.chaddr)
  t.equal(address(sent, optionCodes.serverIdentifier), box.network.serverAddress)
  t.equal(address(sent, optionCodes.subnetMask), '255.255.255.0')
  t.equal(bytes[240], 53, 'option 53 stands first')
  for (const code of [optionCodes.clientIdentifier, optionCodes.machineIdentifier]) {
    t.strictSame(message.options.get(code), request.options.get(code), `option ${code} comes back as it came`)
  }
  const most = Math.max(576, Number.parseInt(hexOf(request.options.get(57) ?? Uint8Array.of(2, 64)), 16)) - 28
  t.ok(bytes.length >= 300 && bytes.length <= Math.min(most, 1472), `${bytes.length} bytes, ${most} allowed`)
}

type Expected = {
  readonly packet: string
  readonly type: 'offer' | 'ack'
  readonly yiaddr: string
  readonly siaddr: string
  readonly sname: string
  readonly file: string
  /** 66, 67 and 60 as text; absent where they must not be there. */
  readonly tftp?: string
  readonly bootFile?: string
  readonly vendorClass?: string
  readonly ipxe?: string
  readonly seconds: number
  readonly beside: readonly number[]
}

const chain = 'http://10.77.0.1:8080/chain.ipxe'

/** The replies of boot facts §1.5 A, one for each client that was captured. */
const replies: readonly Expected[] = [
  {
    packet: 'discover-bios-rom',
    type: 'offer',
    yiaddr: '10.77.0.100',
    siaddr: '10.77.0.1',
    sname: '10.77.0.1',
    seconds: 120,
    file: 'undionly.kpxe',
    tftp: '10.77.0.1',
    bootFile: 'undionly.kpxe\0',
    beside: [66, 67, 97],
  },
  {
    packet: 'discover-uefi-pxe',
    type: 'offer',
    yiaddr: '10.77.0.100',
    siaddr: '10.77.0.1',
    sname: '10.77.0.1',
    seconds: 120,
    file: 'snponly.efi',
    tftp: '10.77.0.1',
    bootFile: 'snponly.efi\0',
    beside: [66, 67, 97],
  },
  {
    packet: 'request-uefi-pxe',
    type: 'ack',
    yiaddr: '10.77.0.200',
    siaddr: '10.77.0.1',
    sname: '10.77.0.1',
    seconds: 120,
    file: 'snponly.efi',
    tftp: '10.77.0.1',
    bootFile: 'snponly.efi\0',
    beside: [66, 67, 97],
  },
  {
    packet: 'discover-udhcpc-as-pxe',
    type: 'offer',
    yiaddr: '10.77.0.100',
    siaddr: '10.77.0.1',
    sname: '10.77.0.1',
    seconds: 120,
    file: 'snponly.efi',
    tftp: '10.77.0.1',
    bootFile: 'snponly.efi\0',
    beside: [66, 67],
  },
  {
    packet: 'discover-uefi-http',
    type: 'offer',
    yiaddr: '10.77.0.100',
    siaddr: '10.77.0.1',
    sname: '',
    seconds: 120,
    file: 'http://10.77.0.1:8080/programs/snponly.efi',
    vendorClass: 'HTTPClient',
    bootFile: 'http://10.77.0.1:8080/programs/snponly.efi',
    beside: [60, 67, 97],
  },
  {
    packet: 'request-uefi-http',
    type: 'ack',
    yiaddr: '10.77.0.200',
    siaddr: '10.77.0.1',
    sname: '',
    seconds: 120,
    file: 'http://10.77.0.1:8080/programs/snponly.efi',
    vendorClass: 'HTTPClient',
    bootFile: 'http://10.77.0.1:8080/programs/snponly.efi',
    beside: [60, 67, 97],
  },
  ...['discover-ipxe-bios', 'discover-ipxe-uefi', 'discover-counted-user-class'].map((packet): Expected => ({
    packet,
    type: 'offer',
    yiaddr: '10.77.0.100',
    siaddr: '10.77.0.1',
    sname: '10.77.0.1',
    seconds: 120,
    file: chain,
    bootFile: `${chain}\0`,
    ipxe: 'b00101',
    beside: packet === 'discover-counted-user-class' ? [67, 97, 175] : [61, 67, 97, 175],
  })),
  {
    packet: 'request-ipxe-bios',
    type: 'ack',
    yiaddr: '10.77.0.199',
    siaddr: '10.77.0.1',
    sname: '10.77.0.1',
    seconds: 120,
    file: chain,
    bootFile: `${chain}\0`,
    ipxe: 'b00101',
    beside: [61, 67, 97, 175],
  },
  ...['discover-udhcpc', 'discover-dhclient', 'discover-without-end'].map((packet): Expected => ({
    packet,
    type: 'offer',
    yiaddr: '10.77.0.100',
    siaddr: '0.0.0.0',
    sname: '',
    file: '',
    seconds: 43_200,
    beside: packet === 'discover-udhcpc' ? [61] : [],
  })),
  ...['request-udhcpc', 'request-dhclient'].map((packet): Expected => ({
    packet,
    type: 'ack',
    yiaddr: '10.77.0.100',
    siaddr: '0.0.0.0',
    sname: '',
    file: '',
    seconds: 43_200,
    beside: packet === 'request-udhcpc' ? [61] : [],
  })),
]

for (const expected of replies) {
  t.test(`${expected.packet} is answered as its firmware wants it`, (t) => {
    const box = new Box()
    const request = golden(expected.packet)
    const answered = box.answer(goldenBytes(expected.packet))
    const sent = sentIn(answered)
    if (sent === undefined) throw new Error(reasonOf(answered))
    isOwedToEachClient(t, box, request, sent)
    t.equal(sent.to, everybody)
    t.strictSame([...(sent.message.options.get(53) ?? [])], [messageTypes[expected.type]])
    const { yiaddr, siaddr, sname, file } = sent.message
    t.strictSame(
      { yiaddr, siaddr, sname, file },
      { yiaddr: expected.yiaddr, siaddr: expected.siaddr, sname: expected.sname, file: expected.file },
    )
    t.equal(text(sent, optionCodes.tftpServerName), expected.tftp)
    t.equal(text(sent, optionCodes.bootFile), expected.bootFile)
    t.equal(text(sent, optionCodes.vendorClass), expected.vendorClass)
    t.equal(hex(sent, optionCodes.ipxe), expected.ipxe)
    const seconds = (code: number) => Number.parseInt(hex(sent, code) ?? '', 16)
    t.strictSame([51, 58, 59].map(seconds), [
      expected.seconds,
      expected.seconds * 0.5,
      expected.seconds * 0.875,
    ])
    t.equal(address(sent, optionCodes.router), '10.77.0.254')
    t.equal(hex(sent, optionCodes.dnsServers), '0a4d00020a4d0003')
    t.equal(text(sent, optionCodes.domain), 'rack.example')
    t.equal(address(sent, optionCodes.broadcastAddress), '10.77.0.255')
    t.strictSame(codesBesideTheLease(sent), expected.beside)
    t.end()
  })
}

t.test('firmware that takes EBC for x64 gets the x64 program', (t) => {
  const box = new Box()
  const request = someMessage({
    options: new Map([
      [53, Uint8Array.of(1)],
      [93, Uint8Array.of(0, 9)],
      [60, bytesOfText('PXEClient:Arch:00009:UNDI:003000')],
    ]),
  })
  t.equal(box.replyTo(request).message.file, 'snponly.efi')
  t.end()
})

t.test('every architecture gets an address, and a program or the reason why there is none', (t) => {
  t.ok(architectures.length > 40)
  const box = new Box()
  for (const code of [...architectures.keys(), architectures.length, 65_535]) {
    for (const vendor of ['PXEClient', 'HTTPClient']) {
      const digits = String(code).padStart(5, '0')
      const request = someMessage({
        options: new Map([
          [53, Uint8Array.of(1)],
          [93, Uint8Array.of(code >>> 8, code)],
          [60, bytesOfText(`${vendor}:Arch:${digits}:UNDI:003000`)],
        ]),
      })
      const answered = box.ask(request)
      t.equal(answered.reply?.message.yiaddr, '10.77.0.100')
      const loads = answered.reply?.message.file !== ''
      t.strictSame(kinds(answered.happened), [
        'firmware-asked',
        'address-offered',
        'boot-offered',
        ...(loads ? [] : ['firmware-without-program']),
      ])
      const told = answered.happened.find((event) => event.kind === 'boot-offered')
      t.equal(told?.program === 'nothing', !loads)
      if (!loads) {
        t.match(told?.because, /no boot program is known for|this box has none of|names no architecture/)
        t.equal(answered.reply?.message.options.has(60), false)
        t.equal(answered.reply?.message.options.has(67), false)
        t.equal(answered.reply?.message.siaddr, '0.0.0.0')
      }
    }
  }
  t.end()
})

t.test('firmware that tells its architecture by option 60 alone is believed', (t) => {
  const request = someMessage({
    options: new Map([
      [53, Uint8Array.of(1)],
      [60, bytesOfText('PXEClient:Arch:00000:UNDI:002001')],
    ]),
  })
  t.equal(new Box().replyTo(request).message.file, 'undionly.kpxe')
  t.end()
})

t.test('a box without the program says which one is missing', (t) => {
  const box = new Box()
  box.settings = { ...box.settings, programs: new Set() }
  const answered = box.answer(goldenBytes('discover-uefi-pxe'))
  t.match(answered.happened.at(-2), {
    kind: 'boot-offered',
    program: 'nothing',
    because: 'this box has none of snponly.efi, ipxe-amd64.efi, ipxe.efi, which x64 UEFI needs',
  })
  t.end()
})

t.test('a boot is told step by step, and belongs to the machine that sent it', (t) => {
  const box = new Box()
  const discovered = box.answer(goldenBytes('discover-uefi-pxe'))
  t.strictSame(discovered.happened, [
    {
      kind: 'firmware-asked',
      network: 'rack',
      mac: '52:54:00:77:00:02',
      client: 'PXE firmware',
      architecture: 'x64 UEFI',
      vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
    },
    {
      kind: 'address-offered',
      network: 'rack',
      mac: '52:54:00:77:00:02',
      offered: ip('10.77.0.100'),
      seconds: 120,
    },
    {
      kind: 'boot-offered',
      network: 'rack',
      mac: '52:54:00:77:00:02',
      program: 'snponly.efi',
      because: 'it is PXE firmware, x64 UEFI',
    },
  ])
  t.match(discovered.seen, {
    stage: 'firmware',
    because: 'PXE firmware sent a DISCOVER (transaction 2ad4ebc2)',
    sighting: {
      mac: '52:54:00:77:00:02',
      uuid: '102a4c7f-1e5b-6f4d-9a3b-0c1d2e3f4a5b',
      architecture: 'x64 UEFI',
      firmware: 'uefi',
    },
  })
  t.match(discovered.leases, [{ state: 'offered', address: '10.77.0.100', mac: '52:54:00:77:00:02' }])
  const system = new Box().answer(goldenBytes('request-udhcpc'))
  t.strictSame(kinds(system.happened), ['address-leased'])
  t.match(system.happened[0], { to: 'the system node-3', leased: '10.77.0.100', seconds: 43_200 })
  t.match(system.seen, { stage: 'system' })
  t.equal(box.answer(goldenBytes('discover-ipxe-uefi')).seen?.stage, 'ipxe')
  t.end()
})

t.test('the captured boot of one machine is one attempt, from its firmware to its second start', (t) => {
  const box = new Box()
  const roster = new Roster()
  let [now, number] = [0, 0]
  const chance = (count: number) => new Uint8Array(count).fill(++number)
  const see = (packet: string, later = 2_000) => {
    const { seen } = box.answer(goldenBytes(packet))
    now += later
    return seen === undefined ? [] : kinds(roster.see(seen, now, chance).happened)
  }
  t.strictSame(see('discover-uefi-pxe'), ['machine-discovered', 'attempt-started'])
  for (const packet of ['discover-uefi-pxe', 'request-uefi-pxe', 'discover-ipxe-uefi', 'request-ipxe-uefi']) {
    t.strictSame(see(packet), [], packet)
  }
  t.strictSame(see('discover-dhclient'), [], 'the system of a machine that nobody knows')
  t.equal(roster.all().length, 1)
  t.strictSame(see('discover-uefi-http'), ['attempt-ended', 'attempt-started'])
  t.strictSame(see('discover-ipxe-bios'), [], 'another card with the same UUID')
  t.equal(roster.all()[0]?.macs.length, 2)
  t.end()
})

// The states of RFC 2131 §4.3.2.

function asking(
  type: keyof typeof messageTypes,
  changes: Partial<DhcpMessage> = {},
  options: [number, Uint8Array][] = [],
) {
  return someMessage({ ...changes, options: new Map([[53, Uint8Array.of(messageTypes[type])], ...options]) })
}

const wants = (address: string): [number, Uint8Array] => [50, bytesOfIpv4(ip(address))]
const chose = (address: string): [number, Uint8Array] => [54, bytesOfIpv4(ip(address))]
const mine = ip('10.77.0.100')
const client = '52:54:00:12:34:56'

function typeOf(sent: Sent | undefined): string | undefined {
  const number = sent?.message.options.get(53)?.[0]
  return Object.entries(messageTypes).find(([, one]) => one === number)?.[0]
}

function aBoxWithLease(): Box {
  const box = new Box()
  box.ask(asking('discover'))
  box.ask(asking('request', {}, [wants('10.77.0.100'), chose('10.77.0.1')]))
  return box
}

t.test('SELECTING: the address offered is acknowledged, and its lease is to be on disk first', (t) => {
  const box = new Box()
  t.equal(typeOf(box.ask(asking('discover')).reply), 'offer')
  const answered = box.ask(asking('request', {}, [wants('10.77.0.100'), chose('10.77.0.1')]))
  t.equal(typeOf(answered.reply), 'ack')
  t.match(answered.leases, [{ state: 'leased', address: mine, mac: client, endsAt: box.now + 43_200_000 }])
  t.end()
})

t.test('SELECTING: who chose another server hears nothing, and its offer is free again', (t) => {
  const box = new Box()
  box.ask(asking('discover'))
  const answered = box.ask(asking('request', {}, [wants('10.77.0.50'), chose('10.77.0.9')]))
  t.equal(answered.reply, undefined)
  t.equal(reasonOf(answered), `${client} chose the offer of 10.77.0.9`)
  t.match(answered.leases, [{ state: 'released', address: mine }])
  t.end()
})

t.test('SELECTING: who chose another server and fills ciaddr is not given a lease here either', (t) => {
  const box = new Box()
  const answered = box.ask(asking('request', { ciaddr: mine }, [chose('10.77.0.9')]))
  t.equal(answered.reply, undefined)
  t.equal(reasonOf(answered), `${client} chose the offer of 10.77.0.9`)
  t.strictSame(answered.leases, [])
  t.end()
})

t.test('SELECTING: an address of another client is refused by broadcast, with the reason', (t) => {
  const box = new Box(captured, [aLease({ address: mine, mac: macNumber(9), endsAt: 9_000_000 })])
  const answered = box.ask(asking('request', {}, [wants('10.77.0.100'), chose('10.77.0.1')]))
  t.equal(typeOf(answered.reply), 'nak')
  t.equal(answered.reply?.to, everybody)
  t.equal(answered.reply?.message.yiaddr, '0.0.0.0')
  t.match(text(answered.reply!, optionCodes.errorMessage), /10\.77\.0\.100 is leased to/)
  t.strictSame(
    [...answered.reply!.message.options.keys()].sort((a, b) => a - b),
    [53, 54, 56],
  )
  t.strictSame(kinds(answered.happened), ['address-refused'])
  t.equal(answered.seen, undefined)
  t.end()
})

t.test(
  'INIT-REBOOT: the own address is acknowledged, one of elsewhere refused, one unknown left alone',
  (t) => {
    const box = aBoxWithLease()
    t.equal(typeOf(box.ask(asking('request', {}, [wants('10.77.0.100')])).reply), 'ack')
    t.equal(typeOf(box.ask(asking('request', {}, [wants('192.168.1.5')])).reply), 'nak')
    const unknown = new Box().ask(asking('request', {}, [wants('10.77.0.150')]))
    t.equal(unknown.reply, undefined)
    t.match(reasonOf(unknown), /nothing is known of/)
    t.end()
  },
)

t.test(
  'RENEWING: the answer goes to the address in use; from another network it is refused by broadcast',
  (t) => {
    const box = aBoxWithLease()
    const renewed = box.ask(asking('request', { ciaddr: mine }), mine)
    t.equal(typeOf(renewed.reply), 'ack')
    t.equal(renewed.reply?.to, '10.77.0.100:68')
    t.equal(renewed.reply?.message.ciaddr, mine)
    const foreign = box.ask(asking('request', { ciaddr: ip('8.8.8.8') }), ip('8.8.8.8'))
    t.equal(typeOf(foreign.reply), 'nak')
    t.equal(foreign.reply?.to, everybody)
    t.end()
  },
)

t.test('a REQUEST for nothing is left alone', (t) => {
  t.match(reasonOf(new Box().ask(asking('request'))), /asks for no address/)
  t.match(reasonOf(new Box().ask(asking('request', {}, [chose('10.77.0.1')]))), /asks for no address/)
  t.end()
})

t.test('DECLINE puts the address aside, for its holder alone', (t) => {
  const box = aBoxWithLease()
  const stranger = asking('decline', { chaddr: Uint8Array.of(2, 0, 0, 0, 0, 9, ...new Uint8Array(10)) }, [
    wants('10.77.0.100'),
    chose('10.77.0.1'),
  ])
  t.match(reasonOf(box.ask(stranger)), /not held by 02:00:00:00:00:09/)
  const answered = box.ask(asking('decline', {}, [wants('10.77.0.100'), chose('10.77.0.1')]))
  t.equal(answered.reply, undefined)
  t.strictSame(answered.happened, [
    {
      kind: 'address-declined',
      network: 'rack',
      mac: client,
      declined: mine,
      quarantineSeconds: 600,
    },
  ])
  t.match(answered.leases, [{ state: 'declined', address: mine }])
  t.equal(box.replyTo(asking('discover')).message.yiaddr, '10.77.0.101')
  t.match(reasonOf(box.ask(asking('decline'))), /declines no address/)
  t.end()
})

t.test('RELEASE frees the address and is not answered', (t) => {
  const box = aBoxWithLease()
  const answered = box.ask(asking('release', { ciaddr: mine }, [chose('10.77.0.1')]), mine)
  t.equal(answered.reply, undefined)
  t.strictSame(kinds(answered.happened), ['address-released'])
  t.match(answered.leases, [{ state: 'released', address: mine }])
  t.match(reasonOf(box.ask(asking('release'))), /releases no address/)
  t.match(
    reasonOf(box.ask(asking('release', { ciaddr: mine }, [chose('10.77.0.9')]))),
    /for the server 10\.77\.0\.9/,
  )
  t.end()
})

t.test('INFORM is told all but an address and a lease, at the address it has', (t) => {
  const box = new Box(byHand)
  const sent = sentIn(box.answer(goldenBytes('inform'), ip('192.168.7.60')))
  t.equal(typeOf(sent), 'ack')
  t.equal(sent?.to, '192.168.7.60:68')
  t.equal(sent?.message.yiaddr, '0.0.0.0')
  t.equal(sent?.message.ciaddr, '192.168.7.60')
  for (const code of [51, 58, 59]) t.equal(sent?.message.options.has(code), false, `option ${code}`)
  t.equal(address(sent!, optionCodes.subnetMask), '255.255.255.0')
  t.match(reasonOf(new Box().answer(goldenBytes('inform'), ip('192.168.7.60'))), /is not of this network/)
  t.equal(new Box().replyTo(asking('inform'), ip('10.77.0.9')).to, '10.77.0.9:68')
  t.equal(new Box().replyTo(asking('inform')).to, everybody)
  t.end()
})

t.test('the messages of servers, and types that are unknown, are left alone', (t) => {
  for (const type of ['offer', 'ack', 'nak'] as const) {
    const answered = new Box().ask(asking(type))
    t.equal(answered.reply, undefined)
    t.match(reasonOf(answered), /it is what servers send/)
  }
  t.match(reasonOf(new Box().answer(goldenBytes('offer-dnsmasq-http'))), /a reply of some server/)
  t.match(reasonOf(new Box().ask(someMessage())), /no DHCP message type/)
  t.match(
    reasonOf(new Box().ask(someMessage({ options: new Map([[53, Uint8Array.of(10)]]) }))),
    /no DHCP message type/,
  )
  t.end()
})

t.test('who is no Ethernet machine is left alone', (t) => {
  const group = Uint8Array.of(1, 0, 0, 0, 0, 9, ...new Uint8Array(10))
  t.match(reasonOf(new Box().ask(asking('discover', { chaddr: group }))), /the address of no machine/)
  t.match(
    reasonOf(new Box().ask(asking('discover', { chaddr: new Uint8Array(16) }))),
    /the address of no machine/,
  )
  t.match(reasonOf(new Box().ask(asking('discover', { htype: 32 }))), /hardware type 32/)
  t.match(reasonOf(new Box().ask(asking('discover', { hlen: 0 }))), /with 0 bytes/)
  t.end()
})

t.test('what is no DHCP message is told as malformed, with its source', (t) => {
  const answered = new Box().answer(new Uint8Array(3), ip('10.77.0.9'))
  t.match(answered, { send: [], leases: [], seen: undefined })
  t.match(answered.happened, [{ kind: 'packet-malformed', protocol: 'dhcp', from: '10.77.0.9:68' }])
  t.end()
})

t.test('an empty pool is told, and nothing is sent', (t) => {
  const box = new Box({ ...captured, pool: { first: mine, last: mine } }, [
    aLease({ address: mine, mac: macNumber(9), endsAt: 9_000_000 }),
  ])
  const answered = box.ask(asking('discover'))
  t.equal(answered.reply, undefined)
  t.strictSame(kinds(answered.happened), ['pool-exhausted'])
  t.end()
})

t.test(
  'the name that the settings give a machine goes into its lease; the name it gives itself does not',
  (t) => {
    const box = new Box()
    t.equal(text(sentIn(box.answer(goldenBytes('discover-udhcpc')))!, optionCodes.hostname), undefined)
    box.names.set(macOfPacket('discover-udhcpc'), 'node-9')
    const answered = box.answer(goldenBytes('discover-udhcpc'))
    t.equal(text(sentIn(answered)!, optionCodes.hostname), 'node-9')
    t.match(answered.leases, [{ hostname: 'node-9' }])
    t.end()
  },
)

t.test('a reserved address is offered outside of the pool', (t) => {
  const box = new Box({
    ...captured,
    reservations: reserve([macOfPacket('discover-dhclient'), '10.77.0.50']),
  })
  t.equal(sentIn(box.answer(goldenBytes('discover-dhclient')))?.message.yiaddr, '10.77.0.50')
  t.end()
})

function macOfPacket(name: string): ReturnType<typeof macNumber> {
  return hexOf(golden(name).chaddr.subarray(0, 6), ':') as ReturnType<typeof macNumber>
}

// Relays.

const relayed = { giaddr: ip('10.77.0.9') }

t.test('a relay gets its option 82 back as it was, behind all others, at port 67', (t) => {
  const box = new Box()
  const request = golden('discover-perfdhcp-relayed')
  const sent = sentIn(box.answer(goldenBytes('discover-perfdhcp-relayed')))!
  isOwedToEachClient(t, box, request, sent)
  t.equal(sent.to, '10.77.0.9:67')
  t.equal([...sent.message.options.keys()].at(-1), 82)
  t.strictSame(sent.message.options.get(82), request.options.get(82))
  const end = sent.bytes.lastIndexOf(255)
  t.equal(
    hexOf(sent.bytes.subarray(end - 16, end)),
    hexOf(Uint8Array.of(82, 14, ...request.options.get(82)!)),
  )
  t.end()
})

t.test('a client behind a relay that stands in no known network is left alone, and that is told', (t) => {
  const answered = new Box().answer(goldenBytes('request-relayed'))
  t.equal(sentIn(answered), undefined)
  t.equal(reasonOf(answered), 'the relay 10.9.9.9 stands in no network of the settings')
  t.end()
})

t.test('a relay that wants to be taken for the server is, in the offer and in the request after it', (t) => {
  const box = new Box()
  const override: [number, Uint8Array] = [82, Uint8Array.of(11, 4, 10, 77, 0, 9)]
  const offered = box.replyTo(asking('discover', relayed, [override]))
  t.equal(address(offered, optionCodes.serverIdentifier), '10.77.0.9')
  const answered = box.ask(asking('request', relayed, [wants('10.77.0.100'), chose('10.77.0.9'), override]))
  t.equal(typeOf(answered.reply), 'ack')
  t.equal(address(answered.reply!, optionCodes.serverIdentifier), '10.77.0.9')
  const released = box.ask(asking('release', { ...relayed, ciaddr: mine }, [chose('10.77.0.9'), override]))
  t.strictSame(kinds(released.happened), ['address-released'])
  const direct = box.ask(asking('request', {}, [wants('10.77.0.100'), chose('10.77.0.9'), override]))
  t.equal(direct.reply, undefined, 'without a relay the option says nothing')
  t.end()
})

t.test('a refusal behind a relay asks it to broadcast', (t) => {
  const sent = new Box().replyTo(asking('request', relayed, [wants('192.168.1.5')]))
  t.equal(typeOf(sent), 'nak')
  t.equal(sent.to, '10.77.0.9:67')
  t.equal(sent.message.flags, 0x8000)
  t.end()
})

t.test('a large option 82 goes back whole within what every client takes', (t) => {
  const relayAgent: [number, Uint8Array] = [82, Uint8Array.of(2, 200, ...new Uint8Array(200).fill(7))]
  const pxe: [number, Uint8Array] = [60, bytesOfText('PXEClient:Arch:00007:UNDI:003000')]
  const sent = new Box().replyTo(asking('discover', relayed, [pxe, relayAgent]))
  t.ok(sent.bytes.length <= 548, `${sent.bytes.length}`)
  t.strictSame(sent.message.options.get(82), relayAgent[1])
  t.equal(text(sent, optionCodes.bootFile), 'snponly.efi\0')
  t.end()
})

// Where replies go.

t.test('an offer does not go where a forged ciaddr points', (t) => {
  for (const ciaddr of ['8.8.8.8', '10.77.0.7', '255.255.255.255']) {
    const sent = new Box().replyTo(asking('discover', { ciaddr: ip(ciaddr) }), ip('8.8.8.8'))
    t.equal(sent.to, everybody)
    t.equal(sent.message.ciaddr, '0.0.0.0')
  }
  t.end()
})

t.test(
  'what was asked at the port of boot servers is answered there, and not outside of the network',
  (t) => {
    const box = new Box(byHand)
    const near = box.answer(goldenBytes('request-boot-server'), ip('192.168.7.50'), 4011, 4011)
    t.equal(sentIn(near)?.to, '192.168.7.50:4011')
    const away = new Box().answer(goldenBytes('request-boot-server'), ip('8.8.8.8'), 4011, 53)
    t.strictSame(away.send, [])
    t.strictSame(away.leases, [])
    t.match(reasonOf(away), /a reply to 192\.168\.7\.50 would leave this network/)
    const unsendable = box.answer(goldenBytes('request-boot-server'), ip('192.168.7.50'), 4011, 0)
    t.match(reasonOf(unsendable), /port 0/)
    t.end()
  },
)

t.test('an observed network hears what would be answered, and nothing else happens', (t) => {
  const box = new Box({ ...captured, mode: 'observe' })
  const answered = box.answer(goldenBytes('discover-uefi-pxe'))
  t.strictSame(answered, {
    send: [],
    leases: [],
    seen: undefined,
    happened: [
      {
        kind: 'would-answer',
        network: 'rack',
        mac: '52:54:00:77:00:02',
        client: 'PXE firmware (x64 UEFI)',
        answer: 'an address from 10.77.0.100 to 10.77.0.200; snponly.efi',
      },
    ],
  })
  t.equal(
    reasonOf(box.answer(goldenBytes('request-uefi-pxe'))),
    'this network is only observed; it was a REQUEST',
  )
  const bare = new Box({ ...captured, mode: 'observe', pool: undefined })
  t.match(bare.answer(goldenBytes('discover-udhcpc')).happened, [
    {
      answer: /^no address, as the settings give this network no pool; nothing to boot, as it does not boot/,
    },
  ])
  t.end()
})

t.test('a smaller network says its own mask and broadcast address', (t) => {
  const box = new Box({ ...captured, subnet: subnet('10.77.0.96/28'), serverAddress: ip('10.77.0.97') })
  const sent = sentIn(box.answer(goldenBytes('discover-dhclient')))!
  t.equal(address(sent, optionCodes.subnetMask), '255.255.255.240')
  t.equal(address(sent, optionCodes.broadcastAddress), '10.77.0.111')
  t.end()
})

t.test(
  'an iPXE without HTTP does not load iPXE without HTTP for ever, in mode full and in mode proxy',
  (t) => {
    for (const mode of ['full', 'proxy'] as const) {
      const box = new Box({ ...captured, mode })
      const message = golden('discover-ipxe-uefi')
      // Only the feature `efi` (36): what a build without HTTP lists.
      const options = new Map(message.options).set(175, Uint8Array.of(36, 1, 1))
      const told: string[] = []
      for (let xid = 1; xid <= 6; xid++) {
        box.now += 20_000
        // Asked twice each time, as by a client whose first answer was lost.
        for (const _ of ['first', 'again']) {
          const { happened } = box.ask({ ...message, options, xid })
          told.push(happened.map((event) => (event.kind === 'boot-offered' ? event.program : '')).join(''))
        }
      }
      const expected = ['snponly.efi', 'snponly.efi', 'snponly.efi', 'nothing', 'nothing', 'nothing']
      t.strictSame(
        told,
        expected.flatMap((program) => [program, program]),
        mode,
      )
    }
    t.end()
  },
)
