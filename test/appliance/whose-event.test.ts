import t from 'tap'
import { macAt } from '../../server/appliance/mac-at.ts'
import { whoseEvent } from '../../server/appliance/whose-event.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { Roster } from '../../server/machines/roster.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import { aLease, aNetwork, ip, macNumber } from '../networks/a-network.ts'
import { countingChance, minute, seeing } from '../machines/sightings.ts'

const address = ip('10.0.0.10')
const seed: ApplianceEvent = { kind: 'seed-served', file: 'meta-data' }

function aBox() {
  const roster = new Roster()
  const see = seeing(roster, countingChance())
  see(1, 'script', 0)
  const clock = { now: 0 }
  const holderOf = (asked: string) => (asked === address ? macNumber(1) : undefined)
  const machine = roster.byMac(macNumber(1))!.id
  const attempt = roster.latestAttempt(machine)!.id
  return { roster, see, clock, machine, attempt, whose: whoseEvent(roster, holderOf, () => clock.now) }
}

t.test('an event belongs to the machine with its MAC, or to who holds its address', (t) => {
  const { whose, machine, attempt } = aBox()
  t.strictSame(whose({ ...seed, mac: macNumber(1) }), { machine, attempt })
  t.strictSame(whose({ ...seed, address }), { machine, attempt })
  t.strictSame(whose({ ...seed, mac: macNumber(2), address }), {}, 'the MAC counts before the address')
  t.strictSame(whose({ ...seed, address: ip('10.0.0.11') }), {})
  t.strictSame(whose(seed), {})
  t.end()
})

t.test('an event that names its boot keeps it', (t) => {
  const { whose, machine } = aBox()
  t.strictSame(whose({ ...seed, mac: macNumber(1), attempt: 'older' }), { machine, attempt: 'older' })
  t.strictSame(whose({ ...seed, attempt: 'older' }), { attempt: 'older' })
  t.end()
})

t.test('ten minutes after its end a boot collects nothing more', (t) => {
  const { whose, roster, clock, machine, attempt } = aBox()
  roster.end(attempt, 'local-disk', 'it was told so', 0)
  clock.now = 10 * minute
  t.strictSame(whose({ ...seed, mac: macNumber(1) }), { machine, attempt })
  clock.now = 10 * minute + 1
  t.strictSame(whose({ ...seed, mac: macNumber(1) }), { machine })
  t.end()
})

t.test('who holds an address is found on any network; a declined one is nobody\u2019s', (t) => {
  const networks = [aNetwork({ name: 'other' }), aNetwork()]
  const holder = (state: 'leased' | 'released' | 'declined') => {
    const leases = new LeaseTable(networks)
    leases.load([aLease({ address, state, endsAt: 9_000_000 })], 0)
    return macAt(leases, networks, address)
  }
  t.equal(holder('leased'), macNumber(1))
  t.equal(holder('released'), macNumber(1))
  t.equal(holder('declined'), undefined)
  t.equal(macAt(new LeaseTable(networks), networks, address), undefined)
  t.end()
})
