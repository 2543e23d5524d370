import t from 'tap'
import { foundInUse } from '../../server/networks/found-in-use.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import type { Lease } from '../../server/networks/lease.ts'
import { aLease, aNetwork, ip, macNumber } from './a-network.ts'

const network = aNetwork()
const [alice, bob] = [macNumber(0xa), macNumber(0xb)]
const ten = ip('10.0.0.10')
const now = 1_000_000
const probe = { network: 'rack', address: ten, mac: alice }

function found(...leases: readonly Lease[]): { table: LeaseTable; changes: readonly Lease[] } {
  const table = new LeaseTable([network])
  table.load(leases, now)
  const changes = foundInUse(probe, table, now)
  table.apply(changes).confirm()
  return { table, changes }
}

t.test('an address that was to be offered rests for ten minutes, and its client has none', (t) => {
  const offered = aLease({ address: ten, mac: alice, state: 'offered', since: now, endsAt: now + 60_000 })
  for (const before of [[], [offered], [aLease({ address: ten, mac: bob, endsAt: now - 1 })]]) {
    const { table, changes } = found(...before)
    t.match(changes, [{ address: ten, mac: alice, state: 'declined', since: now, endsAt: now + 600_000 }])
    t.equal(table.leaseOf('rack', alice), undefined)
    t.not(table.freeAddress('rack', now + 599_999), ten)
  }
  t.end()
})

t.test('what was leased or put aside in the meantime stays what it is', (t) => {
  for (const state of ['leased', 'declined'] as const) {
    const { changes } = found(aLease({ address: ten, mac: bob, state, endsAt: now + 1 }))
    t.strictSame(changes, [], state)
    t.equal(found(aLease({ address: ten, mac: bob, state, endsAt: now })).changes.length, 1)
  }
  t.end()
})
