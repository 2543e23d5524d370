import t from 'tap'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import { mustBeProbed } from '../../server/networks/must-be-probed.ts'
import { aLease, aNetwork, ip, macNumber } from './a-network.ts'

const network = aNetwork({ probes: true })
const [alice, bob] = [macNumber(0xa), macNumber(0xb)]
const ten = ip('10.0.0.10')
const now = 1_000_000

function asked(table: LeaseTable, { mac = alice, at = now, of = network } = {}): boolean {
  return mustBeProbed(ten, mac, of, table, at)
}

t.test('an address of which nothing is known is probed, where the network wants that', (t) => {
  t.equal(asked(new LeaseTable([network])), true)
  t.equal(asked(new LeaseTable([network]), { of: aNetwork() }), false)
  t.end()
})

t.test('nobody’s answer counts for 30 seconds, for every client', (t) => {
  const table = new LeaseTable([network])
  table.noteQuiet('rack', ten, now)
  t.equal(table.quietAt('rack', ten), now)
  t.equal(asked(table), false)
  t.equal(asked(table, { mac: bob, at: now + 29_999 }), false)
  t.equal(asked(table, { at: now + 30_000 }), true)
  t.equal(asked(table, { at: now - 1 }), true, 'a clock that was set back')
  t.equal(mustBeProbed(ip('10.0.0.11'), alice, network, table, now), true, 'another address')
  t.end()
})

t.test('who had it until a minute ago is not looked for at it, and others are', (t) => {
  for (const [state, mac, endsAt, probed] of [
    ['leased', alice, now + 500_000, false],
    ['leased', alice, now - 59_999, false],
    ['leased', alice, now - 60_000, true],
    ['leased', bob, now - 1, true],
    ['released', alice, now - 1, true],
    ['offered', alice, now + 60_000, true],
    ['declined', alice, now - 1, true],
  ] as const) {
    const table = new LeaseTable([network])
    table.load([aLease({ address: ten, mac, state, endsAt })], now)
    t.equal(asked(table), probed, `${state} ${mac} ${endsAt - now}`)
  }
  t.end()
})
