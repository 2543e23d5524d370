import t from 'tap'
import { isServed, networkOfRequest, placesOf } from '../../server/appliance/places.ts'
import { aNetwork, ip, subnet } from '../networks/a-network.ts'

const home = aNetwork()
const far = aNetwork({
  name: 'far',
  relayed: true,
  serverAddress: ip('10.0.0.2'),
  subnet: subnet('10.9.0.0/24'),
})
const other = aNetwork({
  name: 'other',
  interface: 'eth2',
  serverAddress: ip('10.2.0.1'),
  subnet: subnet('10.2.0.0/24'),
})

t.test('networks behind relays stand behind that of their interface, at its address', (t) => {
  t.strictSame(placesOf([far, other, home]), [
    { network: home, behind: [{ ...far, serverAddress: home.serverAddress }] },
    { network: other, behind: [] },
  ])
  t.strictSame(placesOf([far]), [{ network: far, behind: [] }], 'an interface may have no network of its own')
  t.strictSame(placesOf([]), [])
  t.end()
})

t.test('a place is served when any of its networks is', (t) => {
  const observed = { ...home, mode: 'observe' as const }
  t.equal(isServed({ network: observed, behind: [] }), false)
  t.equal(isServed({ network: observed, behind: [far] }), true)
  t.equal(isServed({ network: { ...home, mode: 'proxy' }, behind: [] }), true)
  t.end()
})

t.test('who makes a request belongs to the network of its address', (t) => {
  const networks = placesOf([home, far, other]).flatMap(({ network, behind }) => [network, ...behind])
  const named = (from: string, to: string) => networkOfRequest(networks, { from, to })?.name
  t.equal(named('10.9.0.7', '10.0.0.1'), 'far')
  t.equal(named('10.0.0.7', '10.0.0.1'), 'rack')
  t.equal(named('192.168.1.1', '10.0.0.1'), 'rack', 'an unknown sender: where the box was asked')
  t.equal(named('10.9.0.7', '10.2.0.1'), 'other')
  t.equal(named('10.9.0.7', '10.7.7.7'), undefined)
  t.end()
})
