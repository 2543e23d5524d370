import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { sharedBox } from './a-box.ts'
import { needs } from './needs.ts'
import { sniff, withoutRepeats } from './sniff.ts'

// The client of the npm package dhcp on a real socket. It can DISCOVER and REQUEST; its renewal and its release end in
// "Unknown config key server" before they send anything, and it looks for option 50 in a place it fills later.

const needed = needs()
const program = fileURLToPath(new URL('npm-dhcp-client.ts', import.meta.url))
const theBox = sharedBox(t, {
  networks: [{ name: 'lab', addresses: ['10.77.0.1/24'] }],
  settings: `
networks:
  - name: lab
    interface: lab
    mode: full
    pool: 10.77.0.100-10.77.0.120
    router: 10.77.0.254
    domain: rack.example
    lease: {system: 2h}
    reservations: [{mac: "52:54:00:00:03:02", address: 10.77.0.30, hostname: node-30}]
`,
})

/** A socket of Node.js cannot send from no address at all, nor broadcast without a route. */
async function withAnAddress(neighbour: NetworkNamespace): Promise<NetworkNamespace> {
  await neighbour.run(['ip', 'address', 'add', '169.254.7.7/16', 'dev', 'eth0'])
  await neighbour.run(['ip', 'route', 'add', '255.255.255.255', 'dev', 'eth0'])
  return neighbour
}

for (const [mac, address, hostname] of [
  ['52:54:00:00:03:01', /^10\.77\.0\.1[012][0-9]$/, undefined],
  ['52:54:00:00:03:02', '10.77.0.30', 'node-30'],
] as const) {
  t.test(`the package's client is bound: ${mac}`, needed, async (t) => {
    const box = await theBox()
    const neighbour = await withAnAddress(await box.addNeighbour('lab', { mac }))
    using wire = sniff(neighbour.name)
    const { stdout } = await neighbour.run(['timeout', '120', process.execPath, program, mac])
    const bound = JSON.parse(stdout) as { options: Record<string, unknown> }
    t.match(bound, {
      state: 'BOUND',
      address,
      server: '10.77.0.1',
      leasePeriod: 7_200,
      renewPeriod: 3_600,
      rebindPeriod: 6_300,
      options: { netmask: '255.255.255.0', router: ['10.77.0.254'] },
    })
    t.equal(bound.options['hostname'], hostname)
    // The box broadcasts DISCOVERs of its own when it starts: it looks for other servers.
    const replies = wire.dhcp().filter(({ type }) => type !== 'discover')
    t.same(withoutRepeats(replies.map(({ type }) => type)), ['offer', 'ack'])
  })
}
