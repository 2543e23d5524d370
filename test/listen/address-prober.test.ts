import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { AddressProber, mostWaiting, probeMs } from '../../server/listen/address-prober.ts'
import { arpProbe } from '../../server/wire/arp.ts'
import { hexOf } from '../../server/wire/hex.ts'
import { bytesOfIpv4, ipv4OfNumber, type Ipv4 } from '../../server/wire/ipv4.ts'
import { bytesOfMac, type Mac } from '../../server/wire/mac.ts'
import { ip, macNumber } from '../networks/a-network.ts'

const [box, alice, bob] = [macNumber(1), macNumber(0xa), macNumber(0xb)]
const [ten, eleven] = [ip('10.0.0.10'), ip('10.0.0.11')]

/** A wire that is a function, with the hosts that are on it. */
class Wire {
  readonly asked: Ipv4[] = []
  readonly hosts = new Map<Ipv4, Mac>()
  deliver: (bytes: Uint8Array) => void = () => {}
  carries = true
  closed = false
  readonly prober = new AddressProber((onPacket) => {
    this.deliver = onPacket
    return {
      mac: box,
      send: (bytes) => {
        if (!this.carries) return false
        const address = ipv4OfNumber(new DataView(bytes.buffer, bytes.byteOffset).getUint32(24))
        if (hexOf(bytes) !== hexOf(arpProbe(box, address))) t.fail(`${hexOf(bytes)} is no probe`)
        this.asked.push(address)
        const host = this.hosts.get(address)
        if (host !== undefined) setImmediate(() => this.says(host, address))
        return true
      },
      [Symbol.asyncDispose]: async () => void (this.closed = true),
    }
  })

  says(mac: Mac, address: Ipv4): void {
    const reply = new Uint8Array(arpProbe(mac, ten))
    reply[7] = 2
    reply.set(bytesOfMac(mac), 8)
    reply.set(bytesOfIpv4(address), 14)
    this.deliver(reply)
  }
}

t.test('silence is told when it has lasted, and the question was sent twice', async (t) => {
  const wire = new Wire()
  const began = performance.now()
  t.strictSame(await wire.prober.probe(ten, alice), { kind: 'quiet' })
  // Timers may be early by part of a millisecond.
  t.ok(performance.now() - began >= probeMs.end - 2)
  t.strictSame(wire.asked, [ten, ten])
})

t.test('who answers is told at once, to everybody who waits', async (t) => {
  const wire = new Wire()
  wire.hosts.set(ten, bob)
  const outcomes = await Promise.all([
    wire.prober.probe(ten, alice),
    wire.prober.probe(ten, macNumber(0xc)),
    wire.prober.probe(eleven, alice),
  ])
  t.strictSame(outcomes, [{ kind: 'in-use', by: bob }, { kind: 'in-use', by: bob }, { kind: 'quiet' }])
  t.strictSame(wire.asked, [ten, eleven, eleven], 'one question for all who wait for one address')
})

t.test('who comes while an address is being probed hears what was answered before', async (t) => {
  const wire = new Wire()
  wire.hosts.set(ten, bob)
  await wire.prober.probe(ten, alice)
  t.strictSame(await wire.prober.probe(ten, alice), { kind: 'in-use', by: bob })
  t.strictSame(wire.asked, [ten])
  await wire.prober[Symbol.asyncDispose]()
})

t.test('the client may be the one at its address', async (t) => {
  const wire = new Wire()
  wire.hosts.set(ten, alice)
  const [own, other] = await Promise.all([wire.prober.probe(ten, alice), wire.prober.probe(ten, bob)])
  t.strictSame(own, { kind: 'quiet' })
  t.strictSame(other, { kind: 'in-use', by: alice })
})

t.test('a client that asks again is told once', async (t) => {
  const wire = new Wire()
  const outcomes = await Promise.all([wire.prober.probe(ten, alice), wire.prober.probe(ten, alice)])
  t.match(outcomes, [{ kind: 'given-up', because: /has asked again/ }, { kind: 'quiet' }])
  t.strictSame(wire.asked, [ten, ten])
})

t.test('noise, other addresses and late answers change nothing', async (t) => {
  const wire = new Wire()
  const probing = wire.prober.probe(ten, alice)
  wire.deliver(new Uint8Array(28))
  wire.deliver(Uint8Array.of(1, 2, 3))
  wire.deliver(arpProbe(bob, ten))
  wire.says(bob, eleven)
  t.strictSame(await probing, { kind: 'quiet' })
  wire.says(bob, ten)
  t.strictSame(await wire.prober.probe(ten, alice), { kind: 'quiet' })
})

t.test('where nothing can be sent nothing is known', async (t) => {
  const wire = new Wire()
  wire.carries = false
  t.match(await wire.prober.probe(ten, alice), { kind: 'given-up', because: /nobody could be asked/ })
  const probing = wire.prober.probe(ten, alice)
  await pause(probeMs.again / 2)
  wire.carries = true
  t.strictSame(await probing, { kind: 'quiet' }, 'one question of the two is enough')
})

t.test('so many clients wait at a time and no more, at one address or at many', async (t) => {
  const wire = new Wire()
  const at = (index: number): Ipv4 => ipv4OfNumber(0x0a00_0100 + (index >> 1))
  const all = Array.from({ length: mostWaiting }, (_, index) =>
    wire.prober.probe(at(index), macNumber(index)),
  )
  t.match(await wire.prober.probe(ten, alice), { kind: 'given-up', because: /4096 clients wait/ })
  t.strictSame(new Set((await Promise.all(all)).map(({ kind }) => kind)), new Set(['quiet']))
  t.strictSame(await wire.prober.probe(ten, alice), { kind: 'quiet' }, 'then there is room again')
  t.equal(wire.asked.length, mostWaiting + 2, 'two questions for each address')
})

t.test('at its end nobody is left waiting', async (t) => {
  const wire = new Wire()
  const probing = wire.prober.probe(ten, alice)
  await wire.prober[Symbol.asyncDispose]()
  t.match(await probing, { kind: 'given-up', because: /no longer served/ })
  t.match(await wire.prober.probe(ten, alice), { kind: 'given-up' })
  t.ok(wire.closed)
})
