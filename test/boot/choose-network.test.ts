import t from 'tap'
import { answer } from '../../server/boot/answer.ts'
import { chooseNetwork } from '../../server/boot/choose-network.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { encode } from '../../server/dhcp/encode.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import { bytesOfIpv4 } from '../../server/wire/ipv4.ts'
import { golden, goldenBytes } from '../dhcp/golden.ts'
import { aNetwork, ip, subnet } from '../networks/a-network.ts'
import { allPrograms, captured, sentIn } from './a-box.ts'

const home = aNetwork()
const server = home.serverAddress
const rack9 = aNetwork({
  name: 'rack-9',
  relayed: true,
  serverAddress: server,
  subnet: subnet('10.9.0.0/24'),
  pool: { first: ip('10.9.0.100'), last: ip('10.9.0.110') },
  router: ip('10.9.0.1'),
  dnsServers: [],
})
const rack20 = aNetwork({
  name: 'rack-20',
  relayed: true,
  serverAddress: server,
  subnet: subnet('10.20.0.0/16'),
  pool: { first: ip('10.20.0.50'), last: ip('10.20.0.60') },
  router: undefined,
  dnsServers: [],
})
const here = [home, rack9, rack20]
const nobody = ip('0.0.0.0')

function relayed(giaddr: string, options: readonly (readonly [number, Uint8Array])[] = []): DhcpMessage {
  const message = golden('discover-uefi-pxe')
  return { ...message, giaddr: ip(giaddr), hops: 1, options: new Map([...message.options, ...options]) }
}

const link = (address: string): readonly [number, Uint8Array] => [
  82,
  Uint8Array.of(5, 4, ...bytesOfIpv4(ip(address))),
]
const selection = (address: string): readonly [number, Uint8Array] => [118, bytesOfIpv4(ip(address))]

function chosen(message: DhcpMessage, from = nobody, networks = here): string {
  const choice = chooseNetwork(message, from, networks)
  return choice.kind === 'network' ? choice.network.name : choice.because
}

t.test('the relay’s address tells the network, its own word and the client’s tell it better', (t) => {
  t.equal(chosen(relayed('10.9.0.1')), 'rack-9')
  t.equal(chosen(relayed('10.0.0.9')), 'rack', 'a relay that stands in the box’s own network')
  t.equal(chosen(relayed('10.0.0.9', [link('10.20.0.0')])), 'rack-20')
  t.equal(chosen(relayed('10.0.0.9', [selection('10.9.0.0')])), 'rack-9')
  t.equal(chosen(relayed('10.0.0.9', [selection('10.9.0.0'), link('10.20.0.0')])), 'rack-20', 'RFC 3527 §3.2')
  t.end()
})

t.test('a relay that is neither known nor the sender is not believed', (t) => {
  const unknown = 'the relay 10.1.1.1 stands in no network of the settings'
  t.equal(chosen(relayed('10.1.1.1')), unknown)
  t.equal(chosen(relayed('10.1.1.1', [link('10.20.0.0')]), ip('10.0.0.5')), unknown)
  t.equal(chosen(relayed('10.1.1.1', [link('10.20.0.0')]), ip('10.1.1.1')), 'rack-20', 'its own address')
  t.equal(chosen(relayed('10.1.1.1'), ip('10.1.1.1')), unknown, 'which tells no network')
  t.equal(
    chosen(relayed('10.9.0.1', [link('10.30.0.0')])),
    'the relay 10.9.0.1 asks for an address in 10.30.0.0, which is in no network of the settings',
  )
  t.end()
})

t.test('without a relay it is the wire’s own network, or that of who renews over a router', (t) => {
  const plain = golden('discover-uefi-pxe')
  t.equal(chosen(plain), 'rack')
  t.equal(chosen({ ...plain, ciaddr: ip('10.9.0.100') }), 'rack-9')
  t.equal(chosen({ ...plain, ciaddr: ip('10.30.0.1') }), 'rack')
  const [, ...only] = here
  t.match(chosen(plain, nobody, only), /comes from no relay/)
  t.end()
})

function ask(bytes: Uint8Array, from: string, [network = home, ...behind] = here) {
  const leases = new LeaseTable([network, ...behind])
  const incoming = { bytes, from: { address: ip(from), port: 67 }, port: 67, network, behind, at: 0 }
  const view = { leases, hostnameOf: () => undefined }
  return answer(incoming, view, { httpPort: 8080, programs: allPrograms, mtu: 1500 })
}

t.test(
  'a machine behind a relay is given an address of its network, and the box’s own for all the rest',
  (t) => {
    const sent = sentIn(ask(encode(relayed('10.9.0.1', [[82, Uint8Array.of(1, 2, 7, 7)]])).bytes, '10.0.0.9'))
    t.match(sent, {
      to: '10.9.0.1:67',
      message: { yiaddr: '10.9.0.100', siaddr: server, giaddr: '10.9.0.1', file: 'snponly.efi' },
    })
    t.strictSame(sent?.message.options.get(3), bytesOfIpv4(ip('10.9.0.1')))
    t.strictSame(sent?.message.options.get(54), bytesOfIpv4(server))
    t.strictSame([...(sent?.message.options.keys() ?? [])].at(-1), 82, 'option 82 stands last')
    t.end()
  },
)

t.test('a real relay gets its own words back, last, at the port of relays', (t) => {
  const own = aNetwork(captured)
  const behind = aNetwork({
    ...captured,
    name: 'behind',
    relayed: true,
    subnet: subnet('10.78.0.0/24'),
    pool: { first: ip('10.78.0.100'), last: ip('10.78.0.110') },
  })
  for (const [name, relay] of [
    ['discover-dhcrelay', '10.78.0.1'],
    ['discover-dhcrelay-link', '10.77.0.9'],
  ] as const) {
    const sent = sentIn(ask(goldenBytes(name), '10.77.0.9', [own, behind]))
    t.match(sent, { to: `${relay}:67`, message: { yiaddr: '10.78.0.100', giaddr: relay } }, name)
    t.strictSame(sent?.message.options.get(82), golden(name).options.get(82))
    t.equal([...(sent?.message.options.keys() ?? [])].at(-1), 82)
  }
  t.end()
})

t.test('a relay outside all networks that selects a link and overrides the server gets its answer', (t) => {
  const sent = sentIn(ask(goldenBytes('request-relayed'), '10.9.9.9'))
  t.match(sent, { to: '10.9.9.9:67', message: { yiaddr: '10.20.0.50' } })
  t.strictSame(sent?.message.options.get(54), bytesOfIpv4(ip('10.20.0.1')), 'RFC 5107')
  t.strictSame(sent?.message.options.get(82), golden('request-relayed').options.get(82), 'as it came')
  t.end()
})

t.test('a DISCOVER with a forged ciaddr stays in the network it comes from', (t) => {
  const forged = { ...golden('discover-uefi-pxe'), ciaddr: ip('10.9.0.100') }
  t.match(sentIn(ask(encode(forged).bytes, '0.0.0.0')), {
    to: '255.255.255.255:68',
    message: { yiaddr: '10.0.0.10' },
  })
  t.end()
})
