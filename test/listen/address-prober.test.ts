import t from 'tap'
import {
  AddressProber,
  mostWaiting,
  probeMs,
  type Later,
  type ProbeOutcome,
} from '../../server/listen/address-prober.ts'
import { arpProbe } from '../../server/wire/arp.ts'
import { hexOf } from '../../server/wire/hex.ts'
import { bytesOfIpv4, ipv4OfNumber, type Ipv4 } from '../../server/wire/ipv4.ts'
import { bytesOfMac, type Mac } from '../../server/wire/mac.ts'
import { ip, macNumber } from '../networks/a-network.ts'

const [box, alice, bob] = [macNumber(1), macNumber(0xa), macNumber(0xb)]
const [ten, eleven] = [ip('10.0.0.10'), ip('10.0.0.11')]

/** A wire that is a function, with the hosts that are on it, and a clock that the test moves. */
class Wire {
  readonly asked: Ipv4[] = []
  readonly hosts = new Map<Ipv4, Mac>()
  deliver: (bytes: Uint8Array) => void = () => {}
  carries = true
  closed = false
  now = 0
  readonly #due = new Set<{ readonly at: number; readonly act: () => void }>()
  readonly #later: Later = (delayMs, act) => {
    const one = { at: this.now + delayMs, act }
    this.#due.add(one)
    return () => void this.#due.delete(one)
  }
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
        if (host !== undefined) this.#later(1, () => this.says(host, address))
        return true
      },
      [Symbol.asyncDispose]: async () => void (this.closed = true),
    }
  }, this.#later)

  says(mac: Mac, address: Ipv4): void {
    const reply = new Uint8Array(arpProbe(mac, ten))
    reply[7] = 2
    reply.set(bytesOfMac(mac), 8)
    reply.set(bytesOfIpv4(address), 14)
    this.deliver(reply)
  }

  /** Lets time pass, and what is due happen in its order. */
  pass(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const [next] = [...this.#due].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#due.delete(next)
      this.now = next.at
      next.act()
    }
    this.now = end
  }

  get isIdle(): boolean {
    return this.#due.size === 0
  }
}

/** What a probe has come to by now; `undefined` while it goes on. */
function watched(probing: Promise<ProbeOutcome>): {
  readonly outcome: () => Promise<ProbeOutcome | undefined>
} {
  let known: ProbeOutcome | undefined
  void probing.then((outcome) => (known = outcome))
  return {
    async outcome() {
      await new Promise((resolve) => setImmediate(resolve))
      return known
    },
  }
}

t.test('silence is told when it has lasted, and the question was sent twice', async (t) => {
  const wire = new Wire()
  const one = watched(wire.prober.probe(ten, alice))
  t.strictSame(wire.asked, [ten])
  wire.pass(probeMs.again)
  t.strictSame(wire.asked, [ten, ten])
  wire.pass(probeMs.end - probeMs.again - 1)
  t.equal(await one.outcome(), undefined)
  wire.pass(1)
  t.strictSame(await one.outcome(), { kind: 'quiet' })
  t.ok(wire.isIdle)
})

t.test('who answers is told at once, to everybody who waits', async (t) => {
  const wire = new Wire()
  wire.hosts.set(ten, bob)
  const [one, other, elsewhere] = [
    watched(wire.prober.probe(ten, alice)),
    watched(wire.prober.probe(ten, macNumber(0xc))),
    watched(wire.prober.probe(eleven, alice)),
  ]
  t.strictSame(wire.asked, [ten, eleven], 'one question for all who wait for one address')
  wire.pass(1)
  t.strictSame(await one.outcome(), { kind: 'in-use', by: bob })
  t.strictSame(await other.outcome(), { kind: 'in-use', by: bob })
  t.equal(await elsewhere.outcome(), undefined)
  wire.pass(probeMs.end)
  t.strictSame(await elsewhere.outcome(), { kind: 'quiet' })
  t.strictSame(wire.asked, [ten, eleven, eleven], 'who has answered is not asked again')
})

t.test('who comes while an address is being probed hears what was answered before', async (t) => {
  const wire = new Wire()
  wire.hosts.set(ten, bob)
  void wire.prober.probe(ten, alice)
  wire.pass(probeMs.end - 1)
  t.strictSame(await wire.prober.probe(ten, alice), { kind: 'in-use', by: bob })
  t.strictSame(wire.asked, [ten])
})

t.test('the client may be the one at its address', async (t) => {
  const wire = new Wire()
  wire.hosts.set(ten, alice)
  const [own, other] = [watched(wire.prober.probe(ten, alice)), watched(wire.prober.probe(ten, bob))]
  wire.pass(probeMs.end)
  t.strictSame(await own.outcome(), { kind: 'quiet' })
  t.strictSame(await other.outcome(), { kind: 'in-use', by: alice })
})

t.test('a client that asks again is told once, and waits no longer for it', async (t) => {
  const wire = new Wire()
  const first = watched(wire.prober.probe(ten, alice))
  wire.pass(probeMs.end - 1)
  const second = watched(wire.prober.probe(ten, alice))
  t.match(await first.outcome(), { kind: 'given-up', because: /has asked again/ })
  wire.pass(1)
  t.strictSame(await second.outcome(), { kind: 'quiet' })
  t.strictSame(wire.asked, [ten, ten])
})

t.test('noise, other addresses and late answers change nothing', async (t) => {
  const wire = new Wire()
  const first = watched(wire.prober.probe(ten, alice))
  wire.deliver(new Uint8Array(28))
  wire.deliver(Uint8Array.of(1, 2, 3))
  wire.deliver(arpProbe(bob, ten))
  wire.says(bob, eleven)
  wire.pass(probeMs.end)
  t.strictSame(await first.outcome(), { kind: 'quiet' })
  wire.says(bob, ten)
  const second = watched(wire.prober.probe(ten, alice))
  wire.pass(probeMs.end)
  t.strictSame(await second.outcome(), { kind: 'quiet' })
})

t.test('where nothing can be sent nothing is known', async (t) => {
  const wire = new Wire()
  wire.carries = false
  const unsent = watched(wire.prober.probe(ten, alice))
  wire.pass(probeMs.end)
  t.match(await unsent.outcome(), { kind: 'given-up', because: /nobody could be asked/ })
  const half = watched(wire.prober.probe(ten, alice))
  wire.carries = true
  wire.pass(probeMs.end)
  t.strictSame(await half.outcome(), { kind: 'quiet' }, 'one question of the two is enough')
})

t.test('so many clients wait at a time and no more, at one address or at many', async (t) => {
  const wire = new Wire()
  const at = (index: number): Ipv4 => ipv4OfNumber(0x0a00_0100 + (index >> 1))
  const all = Array.from({ length: mostWaiting }, (_, index) =>
    wire.prober.probe(at(index), macNumber(0x1000 + index)),
  )
  t.match(await wire.prober.probe(ten, alice), { kind: 'given-up', because: /4096 clients wait/ })
  for (const address of new Set(wire.asked)) wire.says(bob, address)
  t.strictSame(new Set((await Promise.all(all)).map(({ kind }) => kind)), new Set(['in-use']))
  t.equal(wire.asked.length, mostWaiting / 2)
  const next = watched(wire.prober.probe(eleven, alice))
  t.equal(await next.outcome(), undefined, 'then there is room again')
  await wire.prober[Symbol.asyncDispose]()
})

t.test('at its end nobody is left waiting', async (t) => {
  const wire = new Wire()
  const probing = watched(wire.prober.probe(ten, alice))
  await wire.prober[Symbol.asyncDispose]()
  t.match(await probing.outcome(), { kind: 'given-up', because: /no longer served/ })
  t.match(await wire.prober.probe(ten, alice), { kind: 'given-up' })
  t.ok(wire.closed)
  t.ok(wire.isIdle)
})
