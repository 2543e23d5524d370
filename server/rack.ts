import { fetchHttp } from './listen/http-fetch.ts'
import { openUdp } from './listen/udp-socket.ts'
import { RackAddresses } from './simulate/addresses.ts'
import { RackPlayer, type Played } from './simulate/play.ts'
import type { RackOrder, RackWord } from './simulate/rack-order.ts'
import { rackOf } from './simulate/rack.ts'
import type { RackWire } from './simulate/rack-wire.ts'
import { tallyOf } from './simulate/tally.ts'
import { everyone, noAddress } from './wire/ipv4.ts'

// The process that plays the machines of a virtual rack. Its order is its one argument; it says what happens line by line.

const progressMs = 1_000
/** A thousand replies at once. */
const receiveBufferBytes = 8 * 1024 * 1024

const order = JSON.parse(process.argv[2] ?? '{}') as RackOrder
try {
  await play()
} catch (error) {
  say({ kind: 'failed', because: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}

async function play(): Promise<void> {
  await using addresses = new RackAddresses()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stoppedBy(signal, addresses))
  }
  const where = { address: noAddress, port: 68, interface: order.interface }
  await using replies = openUdp(
    { ...where, broadcast: true, reuseAddress: true, receiveBufferBytes },
    (batch) => batch.forEach(({ bytes }) => player.receive(bytes)),
  )
  const wire: RackWire = {
    broadcast: (bytes) => void replies.send(bytes, { address: everyone, port: 67 }),
    takeAddress: async (address) => await addresses.take(address),
    openPort(address, received) {
      const socket = openUdp({ address, port: 0, interface: order.interface }, (batch) => {
        for (const { bytes, from } of batch) received(bytes, from)
      })
      return { send: (bytes, to) => void socket.send(bytes, to), close: () => socket.close() }
    },
    fetch: async (
      { method, url, userAgent, body, keepText, from, diesAfterBytes, bytesPerTenth },
      address,
      over,
      came,
    ) =>
      await fetchHttp({
        method,
        url,
        from: address,
        headers: { 'user-agent': userAgent, ...(from === undefined ? {} : { range: `bytes=${from.byte}-` }) },
        body,
        keepText,
        checksum: from?.checksum ?? 0,
        hangUpAfter: diesAfterBytes,
        bytesPerTenth,
        over,
        came,
      }),
    now: () => performance.now(),
  }
  const player = new RackPlayer(wire)
  const machines = rackOf(order.plan)
  const played: Played[] = []
  const began = performance.now()
  const ticking = setInterval(() => {
    const lost = played.filter(({ end }) => end.kind === 'lost').length
    const seconds = (performance.now() - began) / 1000
    say({ kind: 'progress', ended: played.length, lost, seconds, byteCount: player.byteCount })
  }, progressMs)
  try {
    const { limitMs, spreadMs, seed } = order
    await player.play(machines, { limitMs, spreadMs, seed, ended: (one) => void played.push(one) })
  } finally {
    clearInterval(ticking)
  }
  say({ kind: 'tally', tally: tallyOf(played, performance.now() - began) })
}

/** Leaves nothing behind on the box, and ends as the signal ends whoever does not listen to it. */
async function stoppedBy(signal: NodeJS.Signals, addresses: RackAddresses): Promise<void> {
  await addresses[Symbol.asyncDispose]()
  process.kill(process.pid, signal)
}

function say(word: RackWord): void {
  process.stdout.write(`${JSON.stringify(word)}\n`)
}
