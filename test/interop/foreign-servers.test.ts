import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Finding } from '../../server/appliance/finding.ts'
import { openBox, until } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { noAddress } from '../../server/wire/ipv4.ts'
import { openUdp } from '../../server/listen/udp-socket.ts'
import { inside } from './inside.ts'
import { startDhcpd, startDnsmasq, startKea } from './foreign-servers.ts'
import { needs } from './needs.ts'
import { sniff } from './sniff.ts'

// Two servers on one network: a box in mode `full` finds dnsmasq, Kea or ISC's dhcpd there, and does not start its pool.

t.setTimeout(600_000)
const main = fileURLToPath(new URL('../../server/main.ts', import.meta.url))
const networks = [{ name: 'lab', addresses: ['10.87.0.1/24'] }]
const settingsFor = (more: string) => `
networks: [{name: lab, interface: lab, ${more}}]
`
const pool = 'pool: 10.87.0.20-10.87.0.40'
const plan = { address: '10.87.0.2/24', first: '10.87.0.100', last: '10.87.0.150' }
const theirs = { serverid: '10.87.0.2', ip: /^10\.87\.0\.1[0-5][0-9]$/ }
const ours = { serverid: '10.87.0.1', ip: /^10\.87\.0\.[234][0-9]$/ }

for (const [name, start] of [
  ['dnsmasq', startDnsmasq],
  ['kea-dhcp4', startKea],
  ['dhcpd', startDhcpd],
] as const) {
  t.test(`a pool is not started beside ${name}`, needs(name, 'udhcpc'), async (t) => {
    await using box = await openBox({ networks, settings: settingsFor(`mode: full, ${pool}`) })
    await box.stop()
    await using foreign = await start(await box.addNeighbour('lab'), plan)
    void foreign
    using wire = sniff((await box.addNeighbour('lab')).name)
    await box.start()
    const started = await box.appliance.waitFor('appliance-started', () => true, { withinMs: 60_000 })
    const seen = await box.appliance.waitFor('foreign-server-seen', () => true, { withinMs: 60_000 })
    t.comment(`found ${seen.at - started.at} ms after the start`)
    t.match(seen.event, { network: 'lab', server: '10.87.0.2', because: /it offers 10\.87\.0\.1/ })
    const unusable = await box.appliance.waitFor('network-unusable', () => true, { withinMs: 60_000 })
    t.match(unusable.event, {
      network: 'lab',
      because: /10\.87\.0\.2 gives addresses there already.*mode: proxy/,
    })
    await using client = await udhcpc(await box.addNeighbour('lab'))
    t.match(await client.next(['bound']), theirs)
    t.notOk(wire.dhcp().some(({ from, fromPort }) => from === '10.87.0.1' && fromPort === 67))
    const { networks: told } = (await box.ask('/api/v1/status')) as {
      networks: readonly { problem?: string }[]
    }
    t.match(told, [{ problem: /gives addresses there already/ }])
  })
}

for (const [name, start] of [
  ['dnsmasq', startDnsmasq],
  ['dhcpd', startDhcpd],
] as const) {
  t.test(
    `${name}, which looks first who uses an address, shuts the pool later`,
    needs(name, 'udhcpc'),
    async (t) => {
      await using box = await openBox({ networks, settings: settingsFor(`mode: full, ${pool}`) })
      await box.stop()
      await using foreign = await start(await box.addNeighbour('lab'), { ...plan, ping: true })
      void foreign
      await box.start()
      const seen = await box.appliance.waitFor('foreign-server-seen', () => true, { withinMs: 60_000 })
      t.comment(`found ${seen.at - (box.appliance.happened[0]?.at ?? 0)} ms after the start`)
      await box.appliance.waitFor('network-unusable', () => true, { withinMs: 60_000 })
      await using client = await udhcpc(await box.addNeighbour('lab'), ['-T', '4'])
      t.match(await client.next(['bound']), theirs)
    },
  )
}

t.test(
  'beside a dhcpd that looks first not even the first client is answered',
  needs('dhcpd', 'udhcpc'),
  async (t) => {
    await using box = await openBox({ networks, settings: settingsFor(`mode: full, ${pool}`) })
    await box.stop()
    await using foreign = await startDhcpd(await box.addNeighbour('lab'), { ...plan, ping: true })
    void foreign
    const first = await box.addNeighbour('lab')
    using wire = sniff((await box.addNeighbour('lab')).name)
    await box.start()
    await using client = await udhcpc(first, ['-T', '1', '-t', '20'])
    t.match(await client.next(['bound']), theirs)
    await box.appliance.waitFor('network-unusable', () => true, { withinMs: 60_000 })
    // Longer than a probe takes.
    await pause(1_000)
    const asked = wire.dhcp('discover').filter(({ from }) => from === '0.0.0.0')
    t.ok(asked.length > 0, `${asked.length} questions were heard`)
    t.notOk(
      wire.dhcp().some(({ from, fromPort }) => from === '10.87.0.1' && fromPort === 67),
      'its pool opens after a second, and is shut again before the probe of an address ends',
    )
  },
)

t.test('an authoritative box serves beside another, and says so', needs('dnsmasq', 'udhcpc'), async (t) => {
  await using box = await openBox({
    networks,
    settings: settingsFor(`mode: full, authoritative: true, ${pool}`),
  })
  await using foreign = await startDnsmasq(await box.addNeighbour('lab'), { ...plan, ping: true })
  void foreign
  await box.stop()
  await box.start()
  await using client = await udhcpc(await box.addNeighbour('lab'))
  t.match(await client.next(['bound']), ours, 'dnsmasq looks for three seconds first')
  await box.appliance.waitFor('foreign-server-seen', () => true, { withinMs: 60_000 })
  t.same(await box.events('network-unusable'), [])
})

t.test(
  'alone, a box starts at once and answers within its first second or so',
  needs('udhcpc'),
  async (t) => {
    await using box = await openBox({ networks, settings: settingsFor(`mode: full, ${pool}`) })
    const began = performance.now()
    const machine = await box.addNeighbour('lab')
    using wire = sniff(box.namespace.name, 'lab')
    await using client = await udhcpc(machine, ['-t', '20', '-T', '2'])
    t.match(await client.next(['bound']), ours)
    const asked = wire.dhcp('discover').length
    t.ok(asked <= 3, `it was answered when it had asked ${asked} times, each two seconds`)
    await until('the end of the search', () => performance.now() - began > 6_000)
    t.same(await box.events('foreign-server-seen'), [], 'it does not find itself')
    t.same(await box.events('foreign-servers-unknown'), [])
    t.same(await box.events('packet-malformed'), [])
    t.equal((await box.machines()).length, 0)
  },
)

t.test('where the search is impossible, that is told and the pool opens', needs('udhcpc'), async (t) => {
  await using box = await openBox({ networks, settings: settingsFor(`mode: full, ${pool}`) })
  await box.stop()
  // A DHCP client that keeps its port to itself.
  await using taken = inside(box.namespace.name, () => openUdp({ address: noAddress, port: 68 }, () => {}))
  void taken
  await box.start()
  const told = await box.appliance.waitFor('foreign-servers-unknown', () => true, { withinMs: 60_000 })
  t.match(told.event, { network: 'lab', because: /UDP port 68 on lab is taken/ })
  await using client = await udhcpc(await box.addNeighbour('lab'))
  t.match(await client.next(['bound']), ours)
})

t.test('the check names the servers of each network', needs('dnsmasq'), async (t) => {
  await using box = await openBox({ networks, settings: settingsFor(`mode: proxy`) })
  const checked = async (): Promise<Finding | undefined> => {
    const words = ['check', '--settings', box.settingsFile, '--output', 'json']
    const { stdout } = await box.namespace
      .run([process.execPath, main, ...words])
      .catch((error: { stdout: string }) => error)
    const findings = JSON.parse(stdout) as readonly Finding[]
    return findings.find(({ subject }) => subject === 'other DHCP servers on lab')
  }
  t.match(await checked(), {
    verdict: 'doubtful',
    fact: 'none answered',
    nextStep: /Look whether a DHCP server serves lab/,
  })
  await using foreign = await startDnsmasq(await box.addNeighbour('lab'), plan)
  void foreign
  t.match(await checked(), { verdict: 'well', fact: /^10\.87\.0\.2 offers 10\.87\.0\.1[0-5][0-9]$/ })
})
