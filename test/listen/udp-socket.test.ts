import { readdirSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { openUdp, type Datagram, type Endpoint } from '../../server/listen/udp-socket.ts'
import { UdpUnavailable, type UdpOptions } from '../../server/listen/udp-descriptor.ts'
import { everyone, noAddress, type Ipv4 } from '../../server/wire/ipv4.ts'

const loopback = '127.0.0.1' as Ipv4
const anotherLoopback = '127.0.0.2' as Ipv4

/** A socket whose datagrams are awaited; `take(n)` gives the next n. */
function open(options: Partial<UdpOptions> = {}) {
  const waiting: Datagram[] = []
  let wake = () => {}
  const socket = openUdp({ address: loopback, port: 0, ...options }, (datagrams) => {
    waiting.push(...datagrams)
    wake()
  })
  const take = async (count: number): Promise<readonly Datagram[]> => {
    while (waiting.length < count) await new Promise<void>((resolve) => (wake = resolve))
    return waiting.splice(0, count)
  }
  return { socket, take }
}

function refusal(options: Partial<UdpOptions>): UdpUnavailable {
  try {
    openUdp({ address: loopback, port: 0, ...options }, () => {}).close()
  } catch (error) {
    if (error instanceof UdpUnavailable) return error
    throw error
  }
  throw new Error('the socket was opened')
}

const descriptors = () => readdirSync('/proc/self/fd').length

t.test('what one socket sends, the other receives, and can answer', async (t) => {
  const [a, b] = [open(), open({ address: anotherLoopback })]
  await using _a = a.socket
  await using _b = b.socket
  t.equal(a.socket.send(Uint8Array.of(1, 2, 3), b.socket.local), undefined)
  const [first] = await b.take(1)
  t.match(first, { bytes: Uint8Array.of(1, 2, 3), from: a.socket.local })
  t.equal(b.socket.send(new Uint8Array(), first!.from), undefined)
  const [answer] = await a.take(1)
  t.equal(answer!.from.address, anotherLoopback, 'an answer comes from the address that was asked')
  t.equal(answer!.bytes.length, 0, 'an empty datagram is a datagram')
})

t.test('a thousand datagrams arrive whole and in order', async (t) => {
  const [a, b] = [open(), open({ receiveBufferBytes: 4_000_000 })]
  await using _a = a.socket
  await using _b = b.socket
  for (let i = 0; i < 1_000; i++) {
    a.socket.send(Uint8Array.of(i >>> 8, i, ...new Uint8Array(i % 90)), b.socket.local)
  }
  const arrived = await b.take(1_000)
  t.same(
    arrived.map(({ bytes }) => (bytes[0]! << 8) | bytes[1]!),
    Array.from({ length: 1_000 }, (_, i) => i),
  )
  t.ok(arrived.every(({ bytes }, i) => bytes.length === 2 + (i % 90)))
  t.equal(b.socket.counts.received, 1_000)
  t.equal(a.socket.counts.sent, 1_000)
})

t.test('segments of any size arrive as the datagrams they stand for', async (t) => {
  const [a, b] = [open(), open({ receiveBufferBytes: 4_000_000 })]
  await using _a = a.socket
  await using _b = b.socket
  for (const [total, segment] of [
    [1, 516],
    [516, 516],
    [517, 516],
    [16 * 1432, 1432],
    [16 * 1432 - 1000, 1432],
    [200 * 100 + 1, 100],
    [80_000, 1432],
    [3 * 9000, 9000],
  ] as const) {
    const bytes = Uint8Array.from({ length: total }, (_, i) => (i * 31) >>> 3)
    t.equal(a.socket.sendSegments(bytes, segment, b.socket.local), undefined)
    const arrived = await b.take(Math.ceil(total / segment))
    t.same(
      Buffer.concat(arrived.map((datagram) => datagram.bytes)),
      Buffer.from(bytes),
      `${total} bytes by ${segment}`,
    )
    t.ok(arrived.slice(0, -1).every((datagram) => datagram.bytes.length === segment))
  }
})

t.test('a source address that was asked for is the one that arrives', async (t) => {
  const [a, b] = [open({ address: noAddress, source: anotherLoopback }), open()]
  await using _a = a.socket
  await using _b = b.socket
  a.socket.send(Uint8Array.of(1), b.socket.local)
  a.socket.sendSegments(new Uint8Array(30), 10, b.socket.local)
  const arrived = await b.take(4)
  t.same(
    arrived.map(({ from }) => from),
    Array.from({ length: 4 }, () => ({ address: anotherLoopback, port: a.socket.local.port })),
  )
})

t.test('a taken port is refused with the next step, even beside a socket that would share', async (t) => {
  const { socket } = open()
  await using _ = socket
  const taken = refusal({ port: socket.local.port })
  t.equal(taken.code, 'EADDRINUSE')
  t.match(taken.message, new RegExp(`UDP port ${socket.local.port} of 127.0.0.1 is taken.*ss -ulpn`))
  t.equal(refusal({ port: socket.local.port, reuseAddress: true }).code, 'EADDRINUSE')
})

t.test('sockets that both ask for it share a port', async () => {
  const first = open({ reuseAddress: true }).socket
  await using _first = first
  await using _second = open({ reuseAddress: true, port: first.local.port }).socket
})

t.test('an interface or an address that is not there is named', (t) => {
  const nowhere = refusal({ interface: 'nosuch0' })
  t.equal(nowhere.code, 'ENODEV')
  t.match(nowhere.message, /no network interface named nosuch0/)
  t.equal(refusal({ interface: 'lo-and-sixteen-letters' }).code, 'ENODEV')
  const elsewhere = refusal({ address: '192.0.2.1' as Ipv4 })
  t.equal(elsewhere.code, 'EADDRNOTAVAIL')
  t.match(elsewhere.message, /no address 192.0.2.1/)
  t.end()
})

t.test('a refused opening leaves no descriptor behind', (t) => {
  const before = descriptors()
  for (let i = 0; i < 50; i++) refusal({ interface: 'nosuch0' })
  t.equal(descriptors(), before)
  t.end()
})

t.test('what the kernel refuses to send comes back as a value and is counted', async (t) => {
  const { socket } = open()
  await using _ = socket
  const broadcast = socket.send(Uint8Array.of(1), { address: everyone, port: 9 })
  t.match(broadcast, { code: /EACCES|ENETUNREACH/, because: /255\.255\.255\.255:9/ })
  t.match(socket.send(new Uint8Array(70_000), socket.local), { code: 'EMSGSIZE' })
  t.equal(socket.counts.unsent, 2)
  t.equal(socket.counts.sent, 0)
})

t.test('a closed socket gives its descriptor back, sends nothing and hears nothing', async (t) => {
  const before = descriptors()
  const heard: Datagram[] = []
  const gone = openUdp({ address: loopback, port: 0 }, (datagrams) => heard.push(...datagrams))
  const other = open()
  other.socket.send(Uint8Array.of(1), gone.local)
  gone.close()
  gone.close()
  t.match(gone.send(Uint8Array.of(1), other.socket.local), { code: 'EBADF' })
  t.match(gone.sendSegments(new Uint8Array(9), 3, other.socket.local), { code: 'EBADF' })
  other.socket.send(Uint8Array.of(2), other.socket.local)
  await other.take(1)
  other.socket.close()
  t.same(heard, [])
  t.equal(descriptors(), before)
})

t.test('a socket may be closed while it delivers', async (t) => {
  const sender = open().socket
  await using _ = sender
  await new Promise<void>((resolve) => {
    const once = openUdp({ address: loopback, port: 0 }, () => {
      once.close()
      resolve()
    })
    for (let i = 0; i < 100; i++) sender.send(Uint8Array.of(i), once.local)
  })
  t.pass()
})

t.test('promises made while delivering go on at once', async (t) => {
  const sender = open().socket
  await using _ = sender
  await new Promise<void>((resolve) => {
    const socket = openUdp({ address: loopback, port: 0 }, () => void closeSoon())
    const closeSoon = async () => {
      await Promise.resolve()
      socket.close()
      resolve()
    }
    sender.send(Uint8Array.of(1), socket.local)
  })
  t.pass()
})

t.test('a datagram longer than any frame is dropped and counted', async (t) => {
  const [a, b] = [open(), open()]
  await using _a = a.socket
  await using _b = b.socket
  a.socket.send(new Uint8Array(20_000), b.socket.local)
  a.socket.send(Uint8Array.of(7), b.socket.local)
  const [next] = await b.take(1)
  t.same(next!.bytes, Uint8Array.of(7))
  t.equal(b.socket.counts.tooLong, 1)
})

t.test('an error thrown while delivering is loud', async (t) => {
  const sender = open().socket
  await using _ = sender
  const caught = new Promise<unknown>((resolve) => {
    process.setUncaughtExceptionCaptureCallback(resolve)
  })
  const socket = openUdp({ address: loopback, port: 0 }, () => {
    throw new Error('a fault of ours')
  })
  await using _socket = socket
  sender.send(Uint8Array.of(1), socket.local)
  t.match(await caught, { message: 'a fault of ours' })
  process.setUncaughtExceptionCaptureCallback(null)
})

t.test('a socket that is open outlives the garbage collector', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const { local } = openUntilHeard()
  for (let i = 0; i < 3; i++) {
    await nextTurn()
    collectGarbage()
  }
  const echo = open()
  echo.socket.send(Uint8Array.of(1), local)
  await echo.take(1)
  echo.socket.close()
  t.pass()
})

/** A socket that answers once, to which nothing but itself refers. */
function openUntilHeard(): { readonly local: Endpoint } {
  const socket = openUdp({ address: loopback, port: 0 }, ([first]) => {
    socket.send(first!.bytes, first!.from)
    socket.close()
  })
  return { local: socket.local }
}
