import t from 'tap'
import { answerLeaseRequest } from '../../server/networks/answer-lease-request.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import { aLease, aNetwork, aWideNetwork, ip, macNumber, reserve } from './a-network.ts'

const [alice, bob] = [macNumber(0xa), macNumber(0xb)]
const [ten, eleven] = [ip('10.0.0.10'), ip('10.0.0.11')]

t.test('a lease is found by its client and by its address', async (t) => {
  const table = new LeaseTable([aNetwork()])
  const lease = aLease({ mac: alice })
  table.apply([lease]).confirm()
  t.equal(table.leaseOf('rack', alice), lease)
  t.equal(table.leaseAt('rack', ten), lease)
  t.equal(table.leaseOf('rack', bob), undefined)
  t.throws(() => table.leaseOf('other', alice), /no network other/)
})

t.test('networks do not see each other', async (t) => {
  const table = new LeaseTable([aNetwork(), aNetwork({ name: 'lab' })])
  table.apply([aLease({ mac: alice })]).confirm()
  t.equal(table.leaseOf('lab', alice), undefined)
  t.equal(table.freeAddress('lab', 0), ten)
})

t.test('an address given on is forgotten for the client that had it', async (t) => {
  const table = new LeaseTable([aNetwork()])
  table.apply([aLease({ mac: alice, endsAt: 10 })]).confirm()
  table.apply([aLease({ mac: bob, since: 20, endsAt: 500 })]).confirm()
  t.equal(table.leaseOf('rack', alice), undefined)
  t.equal(table.leaseAt('rack', ten)?.mac, bob)
})

t.test('what the store could not write is taken back', async (t) => {
  t.test('a first lease becomes the offer that it was', async (t) => {
    const table = new LeaseTable([aNetwork()])
    const offer = aLease({ mac: alice, state: 'offered', endsAt: 60_000 })
    table.apply([offer])
    table.apply([aLease({ mac: alice })]).revert()
    t.equal(table.leaseAt('rack', ten), offer)
    t.equal(table.leaseOf('rack', alice), offer)
  })

  t.test('a renewal becomes the lease that is on disk', async (t) => {
    const table = new LeaseTable([aNetwork()])
    const stored = aLease({ mac: alice })
    table.load([stored], 0)
    table.apply([aLease({ mac: alice, endsAt: 900_000 })]).revert()
    t.equal(table.leaseAt('rack', ten), stored)
  })

  t.test('a client that moved is back where it was', async (t) => {
    const table = new LeaseTable([aNetwork({ reservations: reserve([alice, '10.0.0.11']) })])
    const stored = aLease({ mac: alice })
    table.load([stored], 0)
    table.apply([aLease({ mac: alice, address: eleven })]).revert()
    t.equal(table.leaseOf('rack', alice), stored)
    t.equal(table.leaseAt('rack', eleven), undefined)
  })

  t.test('an address nobody had is free again', async (t) => {
    const table = new LeaseTable([aNetwork({ pool: { first: ten, last: ten } })])
    table.apply([aLease()]).revert()
    t.equal(table.leaseAt('rack', ten), undefined)
    t.equal(table.freeAddress('rack', 0), ten)
  })

  t.test('a later change that was written stays', async (t) => {
    const table = new LeaseTable([aNetwork()])
    const lost = table.apply([aLease({ mac: alice })])
    const later = aLease({ mac: alice, endsAt: 900_000 })
    const kept = table.apply([later])
    lost.revert()
    kept.confirm()
    t.equal(table.leaseAt('rack', ten), later)
  })

  t.test('two changes that were both lost leave what is on disk', async (t) => {
    const table = new LeaseTable([aNetwork()])
    const stored = aLease({ mac: alice })
    table.load([stored], 0)
    const first = table.apply([aLease({ mac: alice, endsAt: 200_000 })])
    const second = table.apply([aLease({ mac: alice, state: 'released', endsAt: 1 })])
    first.revert()
    second.revert()
    t.equal(table.leaseAt('rack', ten), stored)
    t.equal(table.leaseOf('rack', alice), stored)
  })
})

t.test('loading', async (t) => {
  const table = new LeaseTable([aNetwork()])
  const outside = aLease({ address: ip('10.0.0.77'), mac: macNumber(1), endsAt: 900 })
  const ended = aLease({ address: ip('10.0.0.78'), mac: macNumber(2), endsAt: 100 })
  const unknown = aLease({ network: 'gone', mac: macNumber(3), endsAt: 900 })
  const [older, newer] = [
    aLease({ address: ten, mac: alice, since: 5, endsAt: 900 }),
    aLease({ address: eleven, mac: alice, since: 6, endsAt: 900 }),
  ]
  table.load([newer, older, outside, ended, unknown], 500)
  t.test('a client with several records is found by its latest', async (t) => {
    t.equal(table.leaseOf('rack', alice), newer)
    t.equal(table.leaseAt('rack', ten), older)
  })
  t.test('a lease in force is kept although its address has left the pool', async (t) => {
    t.equal(table.leaseAt('rack', outside.address), outside)
  })
  t.test('what has ended outside the plan, or belongs to no network, is left out', async (t) => {
    t.equal([...table.all()].length, 3)
  })
})

t.test('made-up clients fill neither the memory nor the pool for long', async (t) => {
  const network = aWideNetwork()
  const table = new LeaseTable([network])
  const held = aLease({ network: 'wide', mac: alice, address: ip('10.0.200.1'), endsAt: 1e9 })
  table.apply([held]).confirm()
  let refused = 0
  for (let number = 0; number < 140_000; number++) {
    const client = { mac: macNumber(number + 100), purpose: 'firmware', hostname: undefined } as const
    const answer = answerLeaseRequest({ kind: 'discover', wanted: undefined }, client, network, table, number)
    table.apply(answer.changes)
    if (answer.kind !== 'offer') refused++
  }
  t.equal(refused, 0, 'a new client is still served, since the oldest offers make room')
  t.equal([...table.all()].length, 65_533, 'one record for each address of the pool')
  t.equal(table.leaseOf('wide', alice), held, 'and no lease is touched')
})

t.test('a pool of 65 thousand addresses with none left answers within microseconds', async (t) => {
  const network = aWideNetwork()
  const table = new LeaseTable([network])
  for (let address = table.freeAddress('wide', 0), i = 0; address !== undefined; i++) {
    table.apply([aLease({ network: 'wide', address, mac: macNumber(i), endsAt: 1e9 })]).confirm()
    address = table.freeAddress('wide', 0)
  }
  const count = 20_000
  const start = process.cpuUsage()
  for (let i = 0; i < count; i++) {
    const client = { mac: macNumber(1e6 + i), purpose: 'firmware', hostname: undefined } as const
    const { kind } = answerLeaseRequest({ kind: 'discover', wanted: undefined }, client, network, table, 1)
    if (kind !== 'exhausted') t.fail(kind)
  }
  // Of the processor, which others may have meanwhile.
  const { user, system } = process.cpuUsage(start)
  const microseconds = (user + system) / count
  // About 2 when measured; a walk over the pool takes thousands.
  t.ok(microseconds < 100, `${microseconds.toFixed(1)} µs`)
})
