import t from 'tap'
import { dhcpDesk } from '../../server/appliance/dhcp-desk.ts'
import { FrameRing } from '../../server/appliance/frame-ring.ts'
import { Logbook, type Shelf } from '../../server/appliance/logbook.ts'
import type { Outgoing } from '../../server/boot/answer.ts'
import { macInBytes } from '../../server/dhcp/hardware-address.ts'
import { Roster } from '../../server/machines/roster.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import { Whereabouts } from '../../server/networks/whereabouts.ts'
import { noAddress } from '../../server/wire/ipv4.ts'
import { allPrograms, captured } from '../boot/a-box.ts'
import { goldenBytes, goldenNames } from '../dhcp/golden.ts'
import { countingChance } from '../machines/sightings.ts'
import { aNetwork, ip } from '../networks/a-network.ts'
import { brokenShelf, FixedShelf, turns } from './shelves.ts'

/** A desk with the rest of the appliance behind it, and a clock that moves by one with each look. */
function aDesk(shelf: Shelf = new FixedShelf()) {
  const network = aNetwork(captured)
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
    frames: { ring, now: () => clock++ },
  })
  const sent: Outgoing[] = []
  const hear = (name: string, address = noAddress): void => {
    const incoming = { bytes: goldenBytes(name), from: { address, port: 68 }, port: 67, network, at: clock }
    desk([incoming], (outgoing) => void sent.push(outgoing))
  }
  const framesOf = (name: string) => {
    const mac = macInBytes(goldenBytes(name))
    return mac === undefined ? [] : ring.of([mac])
  }
  return { hear, sent, ring, framesOf }
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

t.test('the MAC is read from any bytes', (t) => {
  for (const name of goldenNames) macInBytes(goldenBytes(name))
  t.equal(macInBytes(goldenBytes('discover-uefi-http')), '52:54:00:77:00:02')
  t.equal(macInBytes(new Uint8Array()), undefined)
  t.equal(macInBytes(goldenBytes('discover-uefi-http').subarray(0, 33)), undefined)
  t.equal(macInBytes(new Uint8Array(300)), undefined, 'hardware type 0')
  t.end()
})
