import t from 'tap'
import { dhcpDesk } from '../../server/appliance/dhcp-desk.ts'
import { FrameRing } from '../../server/appliance/frame-ring.ts'
import { Logbook, type Shelf } from '../../server/appliance/logbook.ts'
import type { Outgoing } from '../../server/boot/answer.ts'
import type { ProbeOutcome } from '../../server/listen/address-prober.ts'
import { macInBytes } from '../../server/dhcp/hardware-address.ts'
import { Roster } from '../../server/machines/roster.ts'
import type { AddressProbe } from '../../server/networks/found-in-use.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import type { Network } from '../../server/networks/network.ts'
import { Whereabouts } from '../../server/networks/whereabouts.ts'
import { noAddress } from '../../server/wire/ipv4.ts'
import { allPrograms, captured } from '../boot/a-box.ts'
import { goldenBytes, goldenNames, messageOf } from '../dhcp/golden.ts'
import { countingChance } from '../machines/sightings.ts'
import { aNetwork, ip, macNumber } from '../networks/a-network.ts'
import { brokenShelf, FixedShelf, turns } from './shelves.ts'

/** A desk with the rest of the appliance behind it, and a clock that moves by one with each look. */
function aDesk(shelf: Shelf = new FixedShelf(), more: Partial<Network> = {}) {
  const network = aNetwork({ ...captured, ...more })
  const leases = new LeaseTable([network])
  const roster = new Roster()
  const ring = new FrameRing()
  let clock = 5_000
  const logbook = new Logbook(
    shelf,
    () => ({}),
    () => clock,
  )
  const desk = dhcpDesk({
    view: { leases, hostnameOf: () => undefined },
    settings: { httpPort: 8080, programs: allPrograms, mtu: 1500 },
    leases,
    whereabouts: new Whereabouts(),
    roster,
    logbook,
    chance: countingChance(),
    probing: {
      probe: async (probe) => await new Promise((settle) => probes.push({ probe, settle })),
      now: () => clock,
    },
    frames: { ring, now: () => clock++ },
  })
  const probes: { probe: AddressProbe; settle: (outcome: ProbeOutcome) => void }[] = []
  const sent: Outgoing[] = []
  const hear = (name: string, address = noAddress): void => {
    const incoming = { bytes: goldenBytes(name), from: { address, port: 68 }, port: 67, network, at: clock }
    desk([incoming], (outgoing) => void sent.push(outgoing))
  }
  const framesOf = (name: string) => {
    const mac = macInBytes(goldenBytes(name))
    return mac === undefined ? [] : ring.of([mac])
  }
  return { hear, sent, ring, framesOf, probes, leases }
}

t.test(
  'what a machine says and what it is told is kept, with its time and the addresses that are known',
  async (t) => {
    const { hear, sent, framesOf } = aDesk()
    hear('discover-uefi-pxe')
    hear('request-uefi-pxe')
    await turns()
    t.equal(sent.length, 2)
    const frames = framesOf('discover-uefi-pxe')
    t.match(
      frames.map(({ from, to }) => [`${from.address}:${from.port}`, `${to.address}:${to.port}`]),
      [
        ['0.0.0.0:68', '255.255.255.255:67'],
        ['10.77.0.1:67', '255.255.255.255:68'],
        ['0.0.0.0:68', '255.255.255.255:67'],
        ['10.77.0.1:67', '255.255.255.255:68'],
      ],
    )
    t.strictSame(frames[0]?.bytes, new Uint8Array(goldenBytes('discover-uefi-pxe')))
    t.strictSame(frames[1]?.bytes, sent[0]?.bytes)
    t.strictSame(frames[3]?.bytes, sent[1]?.bytes)
    t.strictSame(
      frames.map(({ at }) => at),
      [5_000, 5_001, 5_002, 5_003],
      'each at its own time',
    )
  },
)

t.test('a reply that did not leave is not kept', async (t) => {
  const { hear, sent, framesOf } = aDesk(brokenShelf)
  hear('request-uefi-pxe')
  await turns()
  t.strictSame(sent, [])
  t.equal(framesOf('request-uefi-pxe').length, 1, 'the question alone')
})

t.test('nothing is kept of clients that are no machines on record', async (t) => {
  const { hear, sent, ring } = aDesk()
  hear('discover-dhclient')
  t.equal(sent.length, 1, 'it was answered')
  t.equal(ring.bytes, 0)
  t.end()
})

t.test('a client that has its address asked the box, as far as anybody can tell', async (t) => {
  const { hear, framesOf } = aDesk()
  hear('discover-uefi-pxe')
  hear('request-uefi-pxe', ip('10.77.0.200'))
  const asked = framesOf('request-uefi-pxe').filter(({ to }) => to.port === 67)
  t.match(asked[1], { from: { address: '10.77.0.200' }, to: { address: '10.77.0.1' } })
  await turns()
})

t.test('an offer waits for the end of its probe, and a lease that runs waits for none', async (t) => {
  const shelf = new FixedShelf()
  const { hear, sent, probes, framesOf } = aDesk(shelf, { probes: true })
  hear('discover-uefi-pxe')
  hear('discover-udhcpc')
  await turns()
  t.strictSame(sent, [])
  t.strictSame(
    probes.map(({ probe }) => probe.address),
    ['10.77.0.100', '10.77.0.101'],
    'both are probed at the same time',
  )
  t.strictSame(shelf.kinds, ['machine-discovered', 'attempt-started', 'firmware-asked'], 'it is told at once')
  probes[1]?.settle({ kind: 'quiet' })
  await turns()
  t.equal(messageOf(sent[0]!.bytes).yiaddr, '10.77.0.101', 'the second need not wait for the first')
  probes[0]?.settle({ kind: 'quiet' })
  await turns()
  t.equal(messageOf(sent[1]!.bytes).yiaddr, '10.77.0.100')
  t.strictSame(shelf.kinds.slice(3), ['boot-offered'], 'and not that it asked')
  t.equal(framesOf('discover-uefi-pxe').length, 2, 'its DISCOVER is kept once, and the offer')

  hear('request-uefi-pxe')
  await turns()
  hear('discover-uefi-pxe')
  t.equal(sent.length, 4)
  t.equal(probes.length, 2)
})

t.test('an address in use is put aside on the disk and told of once, and another is offered', async (t) => {
  const shelf = new FixedShelf()
  const { hear, sent, probes, leases } = aDesk(shelf, { probes: true })
  const by = macNumber(9)
  hear('discover-uefi-pxe')
  hear('discover-uefi-pxe')
  for (const { settle } of probes.splice(0)) settle({ kind: 'in-use', by })
  await turns()
  t.strictSame(
    probes.map(({ probe }) => probe.address),
    ['10.77.0.101', '10.77.0.101'],
  )
  t.match(leases.leaseAt('rack', ip('10.77.0.100')), { state: 'declined' })
  const kept = shelf.commits.flatMap((commit) => commit.leases)
  t.match(kept, [{ address: '10.77.0.100', state: 'declined' }])
  const told = shelf.commits.flatMap(({ events }) => events.map(({ event }) => event))
  t.match(
    told.filter(({ kind }) => kind === 'address-in-use'),
    [{ inUse: '10.77.0.100', by, mac: '52:54:00:77:00:02', network: 'rack', quarantineSeconds: 600 }],
  )
  for (const { settle } of probes) settle({ kind: 'quiet' })
  await turns()
  t.strictSame(
    sent.map(({ bytes }) => messageOf(bytes).yiaddr),
    ['10.77.0.101', '10.77.0.101'],
  )
})

t.test('an address in use is not offered either where the disk cannot take that', async (t) => {
  const { hear, sent, probes } = aDesk(brokenShelf, { probes: true })
  hear('discover-udhcpc')
  probes[0]?.settle({ kind: 'in-use', by: macNumber(9) })
  await turns()
  t.equal(probes[1]?.probe.address, '10.77.0.101')
  probes[1]?.settle({ kind: 'quiet' })
  await turns()
  t.equal(messageOf(sent[0]!.bytes).yiaddr, '10.77.0.101')
})

t.test('where a probe is given up nothing is sent', async (t) => {
  const { hear, sent, probes, leases } = aDesk(new FixedShelf(), { probes: true })
  hear('discover-udhcpc')
  probes[0]?.settle({ kind: 'given-up', because: 'nobody could be asked' })
  await turns()
  t.strictSame(sent, [])
  t.equal(probes.length, 1)
  t.equal(
    leases.leaseAt('rack', ip('10.77.0.100'))?.state,
    'offered',
    'it is held, for when the client asks again',
  )
})

t.test('the MAC is read from any bytes', (t) => {
  for (const name of goldenNames) macInBytes(goldenBytes(name))
  t.equal(macInBytes(goldenBytes('discover-uefi-http')), '52:54:00:77:00:02')
  t.equal(macInBytes(new Uint8Array()), undefined)
  t.equal(macInBytes(goldenBytes('discover-uefi-http').subarray(0, 33)), undefined)
  t.equal(macInBytes(new Uint8Array(300)), undefined, 'hardware type 0')
  t.end()
})
