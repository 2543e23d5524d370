import t from 'tap'
import { addressPlanOf, forbiddenTo, mostPoolAddresses } from '../../server/networks/address-plan.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import { broadcastOf } from '../../server/wire/ipv4.ts'
import { aNetwork, ip, macNumber, reserve, subnet } from './a-network.ts'

const [one, two] = [macNumber(1), macNumber(2)]

t.test('the settings say why a client may not have an address', async (t) => {
  const network = aNetwork({
    pool: { first: ip('10.0.0.0'), last: ip('10.0.0.255') },
    reservations: reserve([one, '10.0.0.20']),
  })
  const cases = {
    '10.0.1.10': 'is not in 10.0.0.0/24',
    '10.0.0.0': 'names no single machine in 10.0.0.0/24',
    '10.0.0.255': 'names no single machine in 10.0.0.0/24',
    '10.0.0.1': 'is an address of this box',
    '10.0.0.12': 'belongs to a router or a name server',
    '10.0.0.254': 'belongs to a router or a name server',
    '10.0.0.20': `is reserved for ${one}`,
    '10.0.0.21': undefined,
  }
  for (const [address, because] of Object.entries(cases)) {
    t.equal(forbiddenTo(two, ip(address), network), because, address)
  }
  t.equal(forbiddenTo(one, ip('10.0.0.20'), network), undefined, 'its own reservation')
})

t.test('a reservation may lie outside the pool, and on a name server that asks', async (t) => {
  const network = aNetwork({ reservations: reserve([one, '10.0.0.200'], [two, '10.0.0.12']) })
  t.equal(forbiddenTo(one, ip('10.0.0.200'), network), undefined)
  t.equal(forbiddenTo(two, ip('10.0.0.12'), network), undefined)
  t.equal(forbiddenTo(two, ip('10.0.0.201'), network), 'is outside the pool and not reserved')
})

t.test('of two machines with one reservation the first has it', async (t) => {
  const network = aNetwork({ reservations: reserve([one, '10.0.0.20'], [two, '10.0.0.20']) })
  t.equal(forbiddenTo(one, ip('10.0.0.20'), network), undefined)
  t.equal(forbiddenTo(two, ip('10.0.0.20'), network), `is reserved for ${one}`)
})

t.test('a reservation of the address of the box is never given', async (t) => {
  const network = aNetwork({ reservations: reserve([one, '10.0.0.1']) })
  t.equal(forbiddenTo(one, ip('10.0.0.1'), network), 'is an address of this box')
})

t.test('nor is another address that the box has there', async (t) => {
  const alsoOurs = [ip('10.0.0.10'), ip('10.0.0.200')]
  const network = aNetwork({ alsoOurs, reservations: reserve([one, '10.0.0.200']) })
  for (const address of alsoOurs) t.equal(forbiddenTo(one, address, network), 'is an address of this box')
  // .10 is the box's, .12 the name server's.
  t.equal(addressPlanOf(network).poolSize, 8)
  t.equal(new LeaseTable([network]).freeAddress('rack', 0), '10.0.0.11')
})

t.test('both addresses of a /31 are hosts', async (t) => {
  const network = aNetwork({
    serverAddress: ip('10.0.0.0'),
    subnet: subnet('10.0.0.0/31'),
    pool: { first: ip('10.0.0.0'), last: ip('10.0.0.1') },
  })
  t.equal(forbiddenTo(one, ip('10.0.0.1'), network), undefined)
  t.equal(addressPlanOf(network).poolSize, 1)
})

t.test('the pool counts only what anyone may have, and never leaves the subnet', async (t) => {
  // .12 is the name server, .15 reserved.
  t.equal(addressPlanOf(aNetwork({ reservations: reserve([one, '10.0.0.15']) })).poolSize, 8)
  const wide = aNetwork({ pool: { first: ip('9.255.255.0'), last: ip('10.0.5.0') } })
  t.equal(addressPlanOf(wide).poolSize, 251)
  t.equal(addressPlanOf(aNetwork({ pool: undefined })).poolSize, 0)
})

t.test('a pool as wide as 10.0.0.0/8 is used up to a limit', async (t) => {
  const block = subnet('10.0.0.0/8')
  const network = aNetwork({
    subnet: block,
    pool: { first: ip('10.0.0.0'), last: broadcastOf(block) },
    dnsServers: [],
    router: undefined,
  })
  t.equal(addressPlanOf(network).poolSize, mostPoolAddresses - 2)
  t.match(forbiddenTo(one, ip('10.200.0.1'), network), /outside the pool/)
})
