import t from 'tap'
import { interfaceAddresses, networkOnBox, observedNetworks } from '../../server/appliance/interfaces.ts'
import type { NetworkSettings } from '../../server/config/config.ts'
import { contains, netmaskOf } from '../../server/wire/ipv4.ts'
import { ip, macNumber, subnet } from '../networks/a-network.ts'
import { networkSettings } from './a-config.ts'

const addresses = [
  { interface: 'eth0', address: ip('192.168.1.5'), subnet: subnet('192.168.1.0/24') },
  { interface: 'eth1', address: ip('10.0.0.1'), subnet: subnet('10.0.0.0/16') },
  { interface: 'eth1', address: ip('10.9.0.1'), subnet: subnet('10.9.0.0/24') },
]

function onBox(changes: Partial<NetworkSettings>) {
  return networkOnBox(networkSettings(changes), addresses)
}

function because(changes: Partial<NetworkSettings>): string {
  const found = onBox(changes)
  return found.kind === 'network' ? 'it can be served' : found.because
}

t.test('a network has the first address of its interface, and the subnet of that', (t) => {
  t.match(onBox({}), {
    kind: 'network',
    network: { serverAddress: '10.0.0.1', subnet: { network: '10.0.0.0', prefixLength: 16 } },
  })
  t.end()
})

t.test('the address of the settings is taken where the interface has it', (t) => {
  t.match(onBox({ address: ip('10.9.0.1') }), {
    network: { serverAddress: '10.9.0.1', subnet: { network: '10.9.0.0', prefixLength: 24 } },
  })
  t.equal(because({ address: ip('10.9.0.2') }), 'eth1 has not the address 10.9.0.2, but 10.0.0.1, 10.9.0.1')
  t.end()
})

t.test('what else the box has in the subnet belongs to the network, at whichever interface', (t) => {
  t.match(onBox({ address: ip('10.0.0.1'), prefixLength: 8 }), { network: { alsoOurs: ['10.9.0.1'] } })
  const alone = onBox({ interface: 'eth0' })
  t.equal(alone.kind === 'network' ? alone.network.alsoOurs : 'unusable', undefined)
  t.end()
})

t.test('a network behind a relay has its own subnet, and the box’s address on the wire to it', (t) => {
  const relayed = subnet('10.20.0.0/24')
  const pool = { first: ip('10.20.0.10'), last: ip('10.20.0.20') }
  t.match(onBox({ relayed, pool }), {
    kind: 'network',
    network: { relayed: true, serverAddress: '10.0.0.1', subnet: relayed },
  })
  const outside = { first: ip('10.0.0.10'), last: ip('10.0.0.20') }
  t.equal(
    because({ relayed, pool: outside }),
    '10.0.0.10 is not in 10.20.0.0/24, the subnet behind the relay',
  )
  t.end()
})

t.test('the prefix of the settings counts more than that of the interface', (t) => {
  const found = onBox({ address: ip('10.0.0.1'), prefixLength: 24 })
  t.match(found, { network: { subnet: { network: '10.0.0.0', prefixLength: 24 } } })
  const pool = { first: ip('10.0.1.10'), last: ip('10.0.1.20') }
  t.equal(onBox({ pool }).kind, 'network')
  t.match(
    because({ address: ip('10.0.0.1'), prefixLength: 24, pool }),
    /10\.0\.1\.10 is not in 10\.0\.0\.0\/24/,
  )
  t.end()
})

t.test('what lies outside of the subnet makes a network unusable, and is named', (t) => {
  const first = { first: ip('10.1.0.10'), last: ip('10.0.0.20') }
  const last = { first: ip('10.0.0.10'), last: ip('10.1.0.20') }
  t.equal(because({ pool: first }), '10.1.0.10 is not in 10.0.0.0/16, the subnet of eth1')
  t.match(because({ pool: last }), /^10\.1\.0\.20 is not in/)
  const reservations = [{ mac: macNumber(1), address: ip('10.1.0.5'), hostname: undefined }]
  t.match(because({ reservations }), /^10\.1\.0\.5 is not in/)
  t.end()
})

t.test('an interface that is not there is named', (t) => {
  t.equal(because({ interface: 'eth7' }), 'this box has no interface eth7 that is up and has an IPv4 address')
  t.equal(onBox({ interface: 'eth7' }).kind, 'not-there', 'and may come')
  t.equal(onBox({ address: ip('10.7.7.7') }).kind, 'not-there')
  t.equal(
    onBox({ reservations: [{ mac: macNumber(1), address: ip('10.1.0.5'), hostname: undefined }] }).kind,
    'unusable',
  )
  t.end()
})

t.test('everything else of the settings goes into the network', (t) => {
  const reservations = [{ mac: macNumber(1), address: ip('10.0.0.5'), hostname: 'node-1' }]
  const settings = networkSettings({
    mode: 'observe',
    pool: { first: ip('10.0.0.10'), last: ip('10.0.0.20') },
    router: ip('10.0.0.254'),
    dnsServers: [ip('10.0.0.2')],
    domain: 'rack.example',
    leaseSeconds: { firmware: 60, system: 600 },
    reservations,
  })
  const found = networkOnBox(settings, addresses)
  t.strictSame(found, {
    kind: 'network',
    network: {
      name: 'rack',
      interface: 'eth1',
      mode: 'observe',
      serverAddress: ip('10.0.0.1'),
      subnet: subnet('10.0.0.0/16'),
      pool: settings.pool,
      reservations: new Map([[macNumber(1), { address: ip('10.0.0.5'), hostname: 'node-1' }]]),
      router: settings.router,
      dnsServers: settings.dnsServers,
      domain: 'rack.example',
      leaseSeconds: settings.leaseSeconds,
    },
  })
  t.end()
})

t.test('without settings every interface is observed, and nothing is given away', (t) => {
  const networks = observedNetworks(addresses)
  t.strictSame(new Set(networks.map(({ interface: name }) => name)), new Set(['eth0', 'eth1']))
  for (const network of networks) {
    t.equal(network.mode, 'observe')
    t.equal(network.pool, undefined)
    t.equal(network.reservations.size, 0)
  }
  t.equal(networks.find(({ interface: name }) => name === 'eth1')?.serverAddress, '10.0.0.1')
  t.strictSame(observedNetworks([]), [])
  t.end()
})

t.test('the addresses of this very box lie in their own subnets, and loopback is left out', (t) => {
  for (const { address, subnet: around } of interfaceAddresses()) {
    t.ok(contains(around, address), `${address} in ${around.network}, ${netmaskOf(around)}`)
    t.notOk(contains(subnet('127.0.0.0/8'), address))
  }
  t.end()
})
