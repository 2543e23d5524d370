import t from 'tap'
import { leaseRequestOf } from '../../server/boot/lease-request.ts'
import type { DhcpMessage, MessageTypeName } from '../../server/dhcp/message.ts'
import { bytesOfIpv4, type Ipv4 } from '../../server/wire/ipv4.ts'
import { golden } from '../dhcp/golden.ts'
import { someMessage } from '../dhcp/messages.ts'
import { ip } from '../networks/a-network.ts'

const ours = ip('10.0.0.1')
const rival = ip('10.0.0.2')
const address = ip('10.0.0.10')

type Given = {
  wanted?: Ipv4
  server?: Ipv4
  ciaddr?: Ipv4
  relayed?: boolean
  override?: Ipv4
  offered?: Ipv4
}

function asked(
  type: MessageTypeName,
  { wanted, server, ciaddr, relayed, override, offered }: Given = {},
): unknown {
  const options: [number, Uint8Array][] = []
  if (wanted !== undefined) options.push([50, bytesOfIpv4(wanted)])
  if (server !== undefined) options.push([54, bytesOfIpv4(server)])
  if (override !== undefined) options.push([82, Uint8Array.of(11, 4, ...bytesOfIpv4(override))])
  const message: Partial<DhcpMessage> = {
    options: new Map(options),
    ...(ciaddr === undefined ? {} : { ciaddr }),
    ...(relayed === true ? { giaddr: ip('10.0.0.9') } : {}),
  }
  const found = leaseRequestOf(someMessage(message), type, { offered, by: ours })
  return found.kind === 'asked' ? found.request : found.because
}

t.test('a DISCOVER may wish for an address', (t) => {
  t.strictSame(asked('discover'), { kind: 'discover', wanted: undefined })
  t.strictSame(asked('discover', { wanted: address }), { kind: 'discover', wanted: address })
  t.end()
})

t.test('the states of a client that sends a REQUEST, by RFC 2131 §4.3.2', (t) => {
  const selecting = { kind: 'selecting', server: ours, wanted: address }
  t.strictSame(asked('request', { wanted: address, server: ours }), selecting)
  t.strictSame(asked('request', { wanted: address }), { kind: 'init-reboot', wanted: address })
  t.strictSame(asked('request', { ciaddr: address }), { kind: 'renewing', address })
  t.strictSame(asked('request', { ciaddr: address, wanted: rival }), { kind: 'renewing', address })
  t.equal(asked('request'), 'it asks for no address (option 50 and ciaddr are missing)')
  t.equal(asked('request', { server: ours }), 'it asks for no address (option 50 and ciaddr are missing)')
  t.end()
})

t.test('a client that names neither address nor server means what it was offered', (t) => {
  const offered = ip('10.0.0.11')
  t.strictSame(asked('request', { offered }), { kind: 'selecting', server: ours, wanted: offered })
  t.strictSame(asked('request', { offered, server: rival }), {
    kind: 'selecting',
    server: rival,
    wanted: offered,
  })
  t.strictSame(asked('request', { offered, wanted: address }), { kind: 'init-reboot', wanted: address })
  t.strictSame(asked('request', { offered, ciaddr: address }), { kind: 'renewing', address })
  t.end()
})

t.test('who names a server has chosen it, also with ciaddr filled', (t) => {
  t.strictSame(asked('request', { ciaddr: address, server: rival }), {
    kind: 'selecting',
    server: rival,
    wanted: address,
  })
  t.end()
})

t.test('who took a relay for its server means this one, but only behind a relay that says so', (t) => {
  const server = ip('10.0.0.9')
  const given = { wanted: address, server, override: server }
  t.strictSame(asked('request', { ...given, relayed: true }), {
    kind: 'selecting',
    server: ours,
    wanted: address,
  })
  t.strictSame(asked('request', given), { kind: 'selecting', server, wanted: address })
  t.strictSame(asked('request', { ...given, relayed: true, override: rival }), {
    kind: 'selecting',
    server,
    wanted: address,
  })
  t.end()
})

t.test('DECLINE names its address by option 50, or at least by ciaddr; RELEASE by ciaddr', (t) => {
  const declines = { kind: 'decline', server: ours, address }
  t.strictSame(asked('decline', { wanted: address, server: ours }), declines)
  t.strictSame(asked('decline', { ciaddr: address, server: ours }), declines)
  t.strictSame(asked('release', { ciaddr: address }), { kind: 'release', server: undefined, address })
  t.match(asked('decline'), /declines no address/)
  t.match(asked('release', { wanted: address }), /releases no address/)
  t.end()
})

t.test('INFORM and what servers send ask for nothing', (t) => {
  t.equal(asked('inform', { ciaddr: address }), 'it has an address already')
  for (const type of ['offer', 'ack', 'nak'] as const) t.equal(asked(type), 'it is what servers send')
  t.end()
})

t.test('captured clients ask as their states say', (t) => {
  const kindOf = (packet: string, type: MessageTypeName) => {
    const found = leaseRequestOf(golden(packet), type, { offered: undefined, by: ip('10.77.0.1') })
    return found.kind === 'asked' ? found.request.kind : found.because
  }
  t.equal(kindOf('discover-dhclient', 'discover'), 'discover')
  for (const packet of ['request-uefi-pxe', 'request-uefi-http', 'request-ipxe-bios', 'request-dhclient']) {
    t.equal(kindOf(packet, 'request'), 'selecting', packet)
  }
  t.equal(kindOf('request-udhcpc-renewing', 'request'), 'renewing')
  t.equal(kindOf('release-dhclient', 'release'), 'release')
  t.equal(kindOf('release-udhcpc', 'release'), 'release')
  t.equal(kindOf('decline', 'decline'), 'decline')
  t.end()
})
