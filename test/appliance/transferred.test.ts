import t from 'tap'
import { Logbook } from '../../server/appliance/logbook.ts'
import { transferred } from '../../server/appliance/transferred.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { heardAsking } from '../../server/machines/proxy-ladder.ts'
import { Roster } from '../../server/machines/roster.ts'
import { countingChance } from '../machines/sightings.ts'
import { ip, macNumber } from '../networks/a-network.ts'
import { FixedShelf, turns } from './shelves.ts'

const mac = macNumber(1)
const address = ip('10.0.0.50')
const sent: ApplianceEvent = {
  kind: 'program-sent',
  network: 'rack',
  address,
  file: 'snponly.efi',
  byteCount: 7,
  tookMs: 5,
  resentBlocks: 0,
}
const probed: ApplianceEvent = {
  kind: 'program-not-sent',
  network: 'rack',
  address,
  file: 'snponly.efi',
  because: 'the client broke off',
  expected: true,
}

/** A machine at an address, whose firmware was offered its program in the first form. */
function aBox() {
  const roster = new Roster()
  const { ladder } = heardAsking(undefined, { mac, xid: 1, secs: 0, at: 0 })
  const sign = { stage: 'firmware', because: 'it asked', sighting: { mac }, proxy: ladder } as const
  roster.see(sign, 0, countingChance())
  const shelf = new FixedShelf()
  const logbook = new Logbook(
    shelf,
    () => ({ machine: 'known' }),
    () => 0,
  )
  const holderOf = (asked: string) => (asked === address ? mac : undefined)
  return { hear: (event: ApplianceEvent) => transferred({ roster, logbook, holderOf }, event), roster, shelf }
}

t.test('a program that was sent proves what its machine was offered, and that is written', async (t) => {
  const { hear, roster, shelf } = aBox()
  hear(probed)
  t.match(roster.byMac(mac), { proxy: { worked: false, trial: { fetched: true } } })
  hear(sent)
  hear(sent)
  await turns()
  t.strictSame(shelf.kinds, ['program-not-sent', 'program-sent', 'proxy-strategy-worked', 'program-sent'])
  t.match(shelf.commits.at(-1)?.machines, [{ proxy: { strategy: 'with-43', worked: true } }])
})

t.test('transfers of somebody else, and other news, teach nothing', async (t) => {
  const { hear, roster, shelf } = aBox()
  hear({ ...sent, address: ip('10.0.0.99') })
  hear({ kind: 'packet-ignored', protocol: 'tftp', address, because: 'it is late' })
  await turns()
  t.match(roster.byMac(mac), { proxy: { trial: { fetched: false } } })
  t.strictSame(shelf.kinds, ['program-sent', 'packet-ignored'])
})
