import t from 'tap'
import { recognise, type Records, type Sighting } from '../../server/machines/identity.ts'
import type { Machine } from '../../server/machines/machine.ts'
import { newMachine } from '../../server/machines/seen-machine.ts'
import { byteSwapped } from '../../server/wire/uuid.ts'
import { macNumber } from '../networks/a-network.ts'
import { uuid, uuidNumber } from './sightings.ts'

function aMachine(id: string, changes: Partial<Machine>): Machine {
  return { ...newMachine(id, { mac: macNumber(1) }, 0), ...changes }
}

function recordsOf(...machines: readonly Machine[]): Records {
  return {
    byMac: (mac) => machines.find((machine) => machine.macs.includes(mac)),
    byUuid: (wanted) => machines.find((machine) => machine.uuid === wanted),
    isRunning: (machine) => machine.state === 'installing',
  }
}

function who(sighting: Sighting, records: Records): string {
  const found = recognise(sighting, records)
  const clash = found.clash === undefined ? '' : ', clash'
  return `${found.kind === 'known' ? found.machine.id : 'new'}${clash}`
}

const [u1, u2] = [uuidNumber(1), uuidNumber(2)]
const first = aMachine('first', { macs: [macNumber(1)], uuid: u1, serial: 'S1' })
const other = aMachine('other', { macs: [macNumber(2)], uuid: u2, serial: 'S2' })
const records = recordsOf(first, other)

t.test('a machine is known by its card, whatever else it shows', (t) => {
  t.equal(who({ mac: macNumber(1) }, records), 'first')
  t.equal(who({ mac: macNumber(1), uuid: u1, serial: 'S1' }, records), 'first')
  // Boards with a controller of their own may show another UUID to DHCP than to iPXE.
  t.equal(who({ mac: macNumber(1), uuid: uuidNumber(9) }, records), 'first')
  t.end()
})

t.test('a swapped card keeps the record, in either byte order of the UUID', (t) => {
  t.not(byteSwapped(u1), u1)
  t.equal(who({ mac: macNumber(7), uuid: u1 }, records), 'first')
  t.equal(who({ mac: macNumber(7), uuid: byteSwapped(u1) }, records), 'first')
  t.equal(who({ mac: macNumber(7), uuid: u1, serial: 'S1' }, records), 'first')
  t.end()
})

t.test('a machine that shows nothing known is new', (t) => {
  t.equal(who({ mac: macNumber(7) }, records), 'new')
  t.equal(who({ mac: macNumber(7), uuid: uuidNumber(7), serial: 'S1' }, records), 'new')
  t.end()
})

t.test('two records that both fit are never merged: the card decides, and the clash is told', (t) => {
  const found = recognise({ mac: macNumber(1), uuid: u2 }, records)
  t.match(found, { kind: 'known', machine: { id: 'first' } })
  t.equal(found.clash, `${macNumber(1)} belongs to first, but the UUID ${u2} to other`)
  t.equal(who({ mac: macNumber(1), uuid: byteSwapped(u2) }, records), 'first, clash')
  t.end()
})

t.test('a second board with the same UUID and another serial is another machine', (t) => {
  const found = recognise({ mac: macNumber(7), uuid: u1, serial: 'S7' }, records)
  t.equal(found.kind, 'new')
  t.match(found.clash, /the serials differ: S1, S7/)
  t.end()
})

t.test('a new card with the UUID of a machine that runs belongs to another board', (t) => {
  const busy = aMachine('busy', { macs: [macNumber(1)], uuid: u1, state: 'installing' })
  const found = recognise({ mac: macNumber(7), uuid: u1 }, recordsOf(busy))
  t.equal(found.kind, 'new')
  t.match(found.clash, /shows the UUID of busy, which is in the middle of a boot/)
  t.equal(who({ mac: macNumber(1), uuid: u1 }, recordsOf(busy)), 'busy')
  t.end()
})

t.test('a UUID that no maker wrote points to nobody', (t) => {
  const unwritten = [
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '03000200-0400-0500-0006-000700080009',
    '00020003-0004-0005-0006-000700080009',
  ]
  for (const text of unwritten) {
    const board = aMachine('board', { macs: [macNumber(5)], uuid: uuid(text) })
    t.equal(who({ mac: macNumber(6), uuid: uuid(text) }, recordsOf(board)), 'new', text)
  }
  t.end()
})

t.test('a card that came to a record by its UUID leaves it when the serials show two boards', (t) => {
  const both = aMachine('both', { macs: [macNumber(1), macNumber(2)], uuid: u1, serial: 'S1' })
  const found = recognise({ mac: macNumber(2), uuid: u1, serial: 'S2' }, recordsOf(both))
  t.match(found, { kind: 'new', leaves: { id: 'both' } })
  t.match(found.clash, /the serials differ: S1, S2/)
  t.equal(who({ mac: macNumber(2), uuid: u1, serial: 'S1' }, recordsOf(both)), 'both')
  t.end()
})

t.test(
  'the only card of a record stays with it when the board around it was changed, and that is told',
  (t) => {
    const found = recognise({ mac: macNumber(1), uuid: uuidNumber(9), serial: 'S9' }, records)
    t.match(found, { kind: 'known', machine: { id: 'first' } })
    t.match(found.clash, /the serials differ: S1, S9/)
    t.end()
  },
)
