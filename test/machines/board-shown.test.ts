import t from 'tap'
import { isSameUuid, shownAfter, type BoardShown } from '../../server/machines/board-shown.ts'
import { byteSwapped } from '../../server/wire/uuid.ts'
import { macNumber } from '../networks/a-network.ts'
import { uuid, uuidNumber } from './sightings.ts'

const mac = macNumber(1)
const record = { uuid: uuidNumber(1), serial: 'S1' }
const after = (before: BoardShown | undefined, told: object, more = {}) =>
  shownAfter(before, { mac, ...told }, record, more)

t.test('what a boot shows adds up, packet by packet', (t) => {
  const first = after(undefined, {}, { network: 'rack' })
  t.strictSame(first, { mac, network: 'rack' })
  const second = after(first, { uuid: uuidNumber(1) })
  const third = after(second, { serial: 'S1' })
  t.strictSame(third, { mac, network: 'rack', uuid: uuidNumber(1), serial: 'S1' })
  t.strictSame(after(third, {}), third, 'a packet that tells nothing takes nothing away')
  t.end()
})

t.test('of two UUIDs in one boot that of the record counts, whichever comes first', (t) => {
  for (const order of [
    [1, 2],
    [2, 1],
  ]) {
    const shown = order.reduce<BoardShown | undefined>(
      (before, number) => after(before, { uuid: uuidNumber(number), serial: `S${number}` }),
      undefined,
    )
    t.match(shown, { uuid: uuidNumber(1), serial: 'S1' }, order.join(' '))
  }
  t.end()
})

t.test('a UUID that no maker wrote is none', (t) => {
  const bogus = uuid('ffffffff-ffff-ffff-ffff-ffffffffffff')
  t.strictSame(after(undefined, { uuid: bogus }), { mac })
  t.strictSame(after({ mac, uuid: uuidNumber(1) }, { uuid: bogus }), { mac, uuid: uuidNumber(1) })
  t.end()
})

t.test('what one card has shown does not count for another', (t) => {
  const other = { mac: macNumber(2), network: 'desk', uuid: uuidNumber(1), serial: 'S1', alsoOf: 'M0000002' }
  t.strictSame(after(other, {}), { mac })
  t.end()
})

t.test('a UUID is the same in either byte order', (t) => {
  t.ok(isSameUuid(uuidNumber(1), byteSwapped(uuidNumber(1))))
  t.notOk(isSameUuid(uuidNumber(1), uuidNumber(2)))
  t.notOk(isSameUuid(uuidNumber(1), undefined))
  t.end()
})
