import t from 'tap'
import { openBox, until, type Box } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'

// A box that is up before its switch: one network stands, the other's cable is not plugged in yet.

const needed = needs('udhcpc')
t.setTimeout(600_000)
const settings = `
approve: all
networks:
  - {interface: early, mode: full, pool: 10.85.0.100-10.85.0.150}
  - {interface: late, mode: full, pool: 10.86.0.100-10.86.0.150}
`
const early = { name: 'early', addresses: ['10.85.0.1/24'] }
const late = { name: 'late', addresses: [] }

t.test('a network that comes later is served from then on, and the others go on', needed, async (t) => {
  await using box = await openBox({ networks: [early, late], settings })
  t.match(await box.events('network-unusable'), [{ event: { network: 'late', because: /late that is up/ } }])
  const mac = '52:54:00:05:00:01'
  const inEarly = await box.addNeighbour('early', { mac })
  await using first = await udhcpc(inEarly)
  const { ip: before } = await first.next(['bound'])

  const inLate = await box.addNeighbour('late')
  await box.namespace.run(['ip', 'address', 'add', '10.86.0.1/24', 'dev', 'late'])
  await untilStartedAgain(box)
  await using second = await udhcpc(inLate)
  t.match(await second.next(['bound']), { ip: /^10\.86\.0\./ })
  await using again = await udhcpc(inEarly)
  t.match(await again.next(['bound']), { ip: before }, 'who was there keeps the address')
})

t.test('a box without any of its networks waits for them', needed, async (t) => {
  await using box = await openBox({ networks: [{ ...early, addresses: [] }, late], settings })
  t.equal((await box.events('network-unusable')).length, 2)
  await box.namespace.run(['ip', 'address', 'add', '10.85.0.1/24', 'dev', 'early'])
  await untilStartedAgain(box)
  t.match(await box.events('network-ready'), [{ event: { network: 'early' } }])
  await box.stop()
  t.equal(await box.appliance.ended, 0)
})

async function untilStartedAgain({ appliance }: Box): Promise<void> {
  const starts = () => appliance.happened.filter(({ event }) => event.kind === 'appliance-started')
  await until('it has started again', () => starts().length === 2)
}
