import t, { type Test } from 'tap'
import { powerDesk, type PowerDeskParts } from '../../server/appliance/power-desk.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import type { WakePlace } from '../../server/listen/wake-machine.ts'
import { aLease, aNetwork, ip, macNumber } from '../networks/a-network.ts'
import { aRedfishService, password } from '../power/a-redfish-service.ts'
import { aMachine } from '../store/records.ts'
import { ram } from './a-config.ts'

const machine = aMachine({ macs: [macNumber(1), macNumber(2)] })
const near = aNetwork({ name: 'lab', interface: 'eth1', serverAddress: ip('10.0.0.1') })
const other = aNetwork({ name: 'office', interface: 'eth2', serverAddress: ip('10.1.0.1') })
const relayed = aNetwork({ name: 'far', interface: 'eth2', relayed: true })

function aDesk(changes: Partial<PowerDeskParts> = {}) {
  const happened: ApplianceEvent[] = []
  const woken: (WakePlace & { readonly macs: readonly string[] })[] = []
  const desk = powerDesk({
    machines: [],
    networks: [near, other, relayed],
    leases: { leaseOf: () => undefined },
    logbook: { note: (event) => void happened.push(event) },
    wake: async (place, macs) => {
      woken.push({ ...place, macs })
      return await Promise.resolve(undefined)
    },
    ...changes,
  })
  return { desk, happened, woken }
}

async function withBmc(t: Test, ways: Parameters<typeof aRedfishService>[1] = {}) {
  const service = await aRedfishService(t, ways)
  process.env['IRONWAKE_TEST_BMC'] = password
  t.teardown(() => delete process.env['IRONWAKE_TEST_BMC'])
  const power = {
    kind: 'redfish' as const,
    url: service.url,
    user: 'ops',
    password: { kind: 'environment' as const, name: 'IRONWAKE_TEST_BMC' },
    trust: { kind: 'fingerprint' as const, sha256: service.sha256 },
    system: undefined,
  }
  return { service, ...aDesk({ machines: [{ ...ram, mac: macNumber(2), hostname: undefined, power }] }) }
}

t.test(
  'a machine without a lease is woken on every network of the box, once an interface, with all its cards',
  async (t) => {
    const { desk, woken, happened } = aDesk()
    t.match(await desk.turn(machine, { action: 'on' }), {
      kind: 'powered',
      way: 'wake-on-lan',
      state: 'unknown',
    })
    t.strictSame(woken, [
      { interface: 'eth1', address: '10.0.0.1', macs: [...machine.macs] },
      { interface: 'eth2', address: '10.1.0.1', macs: [...machine.macs] },
    ])
    t.match(happened, [{ kind: 'power-turned', way: 'wake-on-lan', action: 'on' }])
  },
)

t.test('one with a lease is woken where it has it', async (t) => {
  const leaseOf = (network: string) => (network === 'office' ? aLease() : undefined)
  const { desk, woken } = aDesk({ leases: { leaseOf } })
  await desk.turn(machine, { action: 'on' })
  t.match(woken, [{ interface: 'eth2' }])
  t.equal(woken.length, 1)
})

t.test('what Wake-on-LAN cannot do is refused, with what to write into the settings', async (t) => {
  const { desk, woken, happened } = aDesk()
  for (const action of ['off', 'cycle'] as const) {
    t.match(await desk.turn(machine, { action }), {
      kind: 'refused',
      because: /can only be woken: ironwake machines power \S+ on\. /,
    })
  }
  t.match(await desk.turn(machine, { action: 'on', boot: 'network' }), {
    kind: 'refused',
    because: /boot order/,
  })
  t.match(await desk.state(machine), { kind: 'refused', because: /can only be woken/ })
  t.strictSame(woken, [])
  t.equal(happened.filter(({ kind }) => kind === 'power-failed').length, 3)
  t.match(
    await desk.startFromNetwork(machine),
    { kind: 'powered', way: 'wake-on-lan' },
    'but it may be woken',
  )
})

t.test('a packet that no network takes is told as a failure', async (t) => {
  const { desk, happened } = aDesk({ wake: async () => await Promise.resolve('the network is down') })
  t.match(await desk.turn(machine, { action: 'on' }), {
    kind: 'refused',
    because: /eth1: the network is down; eth2/,
  })
  t.match(happened, [{ kind: 'power-failed', because: /down/ }])
})

t.test(
  'a machine with a BMC is started from the network by it, whichever of its cards the settings name',
  async (t) => {
    const { desk, service, happened, woken } = await withBmc(t)
    t.match(await desk.startFromNetwork(machine), { kind: 'powered', way: 'redfish', state: 'on' })
    t.match(service.state.boot, { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' })
    t.strictSame(woken, [])
    t.match(happened, [
      { kind: 'power-turned', way: 'redfish', action: 'cycle', boot: 'network', state: 'on' },
    ])
    t.notMatch(JSON.stringify(happened), /S3cret/)
    t.match(await desk.state(machine), { kind: 'powered', state: 'on' })
  },
)

t.test('two orders at once do not run into each other', async (t) => {
  const { desk } = await withBmc(t)
  const [first, second] = await Promise.all([
    desk.turn(machine, { action: 'cycle' }),
    desk.turn(machine, { action: 'off' }),
  ])
  t.match(first, { kind: 'powered' })
  t.match(second, { kind: 'refused', because: /is being switched already/ })
  t.match(await desk.turn(machine, { action: 'off' }), { kind: 'powered', state: 'off' })
})

t.test('a password that is not there fails before anybody is asked', async (t) => {
  const { desk, service } = await withBmc(t)
  delete process.env['IRONWAKE_TEST_BMC']
  t.match(await desk.turn(machine, { action: 'on' }), {
    kind: 'refused',
    because: /IRONWAKE_TEST_BMC is not set/,
  })
  t.strictSame(service.asked, [])
})
