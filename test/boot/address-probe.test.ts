import t from 'tap'
import { mostProbes, type Answer } from '../../server/boot/answer.ts'
import { foundInUse } from '../../server/networks/found-in-use.ts'
import { noAddress } from '../../server/wire/ipv4.ts'
import { goldenBytes } from '../dhcp/golden.ts'
import { aLease, ip, macNumber, reserve } from '../networks/a-network.ts'
import { Box, captured, kinds, sentIn } from './a-box.ts'

const probing = { ...captured, probes: true }
const uefi = 'discover-uefi-pxe'
const mac = '52:54:00:77:00:02'

/** Has a golden packet answered, after so many probes. */
function ask(box: Box, name: string, probed?: number): Answer {
  return box.answer(goldenBytes(name), noAddress, 67, 68, probed)
}

/** Notes what became of the probe that an answer asks for. */
function outcome(box: Box, { probe }: Answer, isQuiet: 'quiet' | 'in use'): void {
  if (probe === undefined) throw new Error('no probe was asked for')
  if (isQuiet === 'quiet') box.table.noteQuiet(probe.network, probe.address, box.now)
  else box.table.apply(foundInUse(probe, box.table, box.now)).confirm()
}

t.test('an address that nobody was looked for at is held, and not yet offered', (t) => {
  const box = new Box(probing)
  const answered = ask(box, uefi)
  t.strictSame(answered.send, [])
  t.strictSame(answered.probe, { network: 'rack', address: '10.77.0.100', mac })
  t.match(answered.leases, [{ address: '10.77.0.100', mac, state: 'offered' }])
  t.strictSame(kinds(answered.happened), ['firmware-asked'])
  t.equal(answered.seen?.stage, 'firmware')
  t.match(ask(box, 'discover-udhcpc').probe, { address: '10.77.0.101' }, 'the next client another')
  t.strictSame(ask(box, uefi).probe, answered.probe, 'and the same client the same')
  t.end()
})

t.test('when nobody was there it is offered, and who asked is not told again', (t) => {
  const box = new Box(probing)
  outcome(box, ask(box, uefi), 'quiet')
  box.now += 400
  const offered = ask(box, uefi, 1)
  t.match(sentIn(offered), { message: { yiaddr: '10.77.0.100', file: 'snponly.efi' } })
  t.strictSame(kinds(offered.happened), ['address-offered', 'boot-offered'])
  t.equal(offered.seen, undefined)
  t.equal(offered.probe, undefined)
  const again = ask(box, uefi)
  t.match(sentIn(again), { message: { yiaddr: '10.77.0.100' } }, 'who asks again is answered at once')
  t.strictSame(kinds(again.happened), ['firmware-asked', 'address-offered', 'boot-offered'])
  t.end()
})

t.test('where somebody was another address is probed, and so on', (t) => {
  const box = new Box(probing)
  outcome(box, ask(box, uefi), 'in use')
  const second = ask(box, uefi, 1)
  t.match(second, { send: [], probe: { address: '10.77.0.101' }, happened: [], seen: undefined })
  outcome(box, second, 'in use')
  const third = ask(box, uefi, 2)
  t.match(third.probe, { address: '10.77.0.102' })
  outcome(box, third, 'quiet')
  t.match(sentIn(ask(box, uefi, 3)), { message: { yiaddr: '10.77.0.102' } })
  const other = ask(box, 'discover-udhcpc')
  t.match(other.probe, { address: '10.77.0.103' }, 'nobody else is given them either')
  t.end()
})

t.test('a reserved address that somebody uses is not given, and an address of the pool is', (t) => {
  const box = new Box({
    ...probing,
    reservations: reserve([ask(new Box(), uefi).leases[0]!.mac, '10.77.0.9']),
  })
  const first = ask(box, uefi)
  t.match(first.probe, { address: '10.77.0.9' })
  outcome(box, first, 'in use')
  t.match(ask(box, uefi, 1).probe, { address: '10.77.0.100' })
  box.now += 600_000
  t.match(ask(box, uefi).probe, { address: '10.77.0.9' }, 'ten minutes later it is tried again')
  t.end()
})

t.test('where somebody is at every address that is a fault to be told of', (t) => {
  const box = new Box(probing)
  for (let probed = 0; probed < mostProbes; probed++) {
    outcome(box, ask(box, uefi, probed === 0 ? undefined : probed), 'in use')
  }
  const last = ask(box, uefi, mostProbes)
  t.match(last, { send: [], probe: undefined, leases: [] })
  t.match(last.happened, [
    { kind: 'pool-exhausted', mac, because: /answered at each of the 8 addresses that were probed/ },
  ])
  t.match(ask(box, uefi).probe, { address: '10.77.0.108' }, 'its next DISCOVER goes on behind them')
  t.end()
})

t.test('a pool in which nothing else is left says so', (t) => {
  const box = new Box({ ...probing, pool: { first: ip('10.77.0.100'), last: ip('10.77.0.100') } })
  outcome(box, ask(box, uefi), 'in use')
  t.match(ask(box, uefi, 1), { send: [], happened: [{ kind: 'pool-exhausted' }], probe: undefined })
  t.end()
})

t.test('who has its address, asks for it again, or gives it back, waits for no probe', (t) => {
  const held = aLease({ address: ip('10.77.0.150'), mac: macNumber(0), endsAt: 2_000_000 })
  const sender = ask(new Box(), uefi).leases[0]!.mac
  const box = new Box(probing, [{ ...held, mac: sender }])
  t.match(sentIn(ask(box, uefi)), { message: { yiaddr: '10.77.0.150' } })
  for (const name of ['request-uefi-pxe', 'request-udhcpc', 'release-udhcpc', 'inform', 'decline']) {
    t.equal(ask(new Box(probing), name).probe, undefined, name)
  }
  t.end()
})

t.test('without the setting nothing is probed, and in other modes neither', (t) => {
  t.match(sentIn(ask(new Box(captured), uefi)), { message: { yiaddr: '10.77.0.100' } })
  for (const mode of ['observe', 'proxy'] as const) {
    const answered = ask(new Box({ ...probing, mode }), uefi)
    t.equal(answered.probe, undefined)
    t.strictSame(answered.leases, [])
  }
  t.end()
})
