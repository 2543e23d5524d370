import { readdirSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { listenTftp } from '../../server/listen/tftp.ts'
import { openUdp, type Endpoint } from '../../server/listen/udp-socket.ts'
import { decodeTftp } from '../../server/tftp/decode.ts'
import { encodeTftp } from '../../server/tftp/encode.ts'
import { ipv4OfNumber, numberOfIpv4, type Ipv4 } from '../../server/wire/ipv4.ts'
import { newSeed, seeded } from '../interop/random.ts'
import { openClient } from '../listen/tftp-client.ts'
import { goldenBytes, goldenNames } from '../tftp/golden.ts'

// A hundred thousand packets, random ones and damaged good ones, at the port for requests and at the ports of transfers
// that are under way, from clients of those transfers and from strangers.

const packetCount = 100_000
const packetsPerTurn = 100
const clientCount = 64
const seed = newSeed()
const random = seeded(seed)
const below = (limit: number) => Math.floor(random() * limit)
const oneOf = <T>(these: readonly T[]): T => these[below(these.length)]!

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const heldBytes = () => process.memoryUsage().heapUsed + process.memoryUsage().external
const descriptors = () => readdirSync('/proc/self/fd').length

const file = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 3 + (i >>> 10)) & 0xff)
const golden = goldenNames.map(goldenBytes)

t.setTimeout(600_000)
t.test('a hundred thousand packets harm nothing', async (t) => {
  t.comment(`SEED=${seed}`)
  const descriptorsBefore = descriptors()
  const events = new Map<string, number>()
  let lookups = 0
  const listener = listenTftp({
    network: 'lab',
    interface: 'lo',
    address: '127.0.0.3' as Ipv4,
    port: 0,
    lookup: ({ file: name }) => {
      lookups++
      if (below(20) === 0) throw new Error('a fault of the store')
      return name.length % 3 === 0
        ? { kind: 'refused', code: 'no-such-file', because: `there is no ${name}` }
        : { kind: 'bytes', bytes: file }
    },
    report: ({ kind }) => void events.set(kind, (events.get(kind) ?? 0) + 1),
  })
  const clients = Array.from({ length: clientCount }, (_, i) => openVictim(i, listener.local))

  let heldBefore = 0
  for (let sent = 0; sent < packetCount;) {
    for (let i = 0; i < packetsPerTurn; i++, sent++) oneOf(clients).attack(oneOf(clients).transfer)
    await nextTurn()
    if (sent === packetCount / 2) {
      collectGarbage()
      heldBefore = heldBytes()
    }
  }
  collectGarbage()
  const grownBytes = heldBytes() - heldBefore
  t.ok(grownBytes < 5_000_000, `memory grew by ${grownBytes} bytes over the second half`)
  t.ok(process.memoryUsage().rss < 400_000_000, `${process.memoryUsage().rss} bytes in all`)

  const counts = JSON.stringify(Object.fromEntries(events))
  for (const kind of ['packet-malformed', 'packet-ignored', 'program-not-sent']) {
    t.ok((events.get(kind) ?? 0) > 1_000, `${kind} in ${counts}`)
  }
  t.ok(lookups > 1_000, `${lookups} files were looked for`)
  const blocks = clients.reduce((sum, client) => sum + client.blockCount(), 0)
  t.ok(blocks > 1_000, `transfers went on meanwhile: ${blocks} blocks`)

  for (const client of clients) client.close()
  const good = openClient('127.0.0.2' as Ipv4)
  let got = await good.fetch(listener.local, 'ipxe.efi', { blksize: '1428', windowsize: '4' })
  while (got.kind === 'error' && got.text === 'a fault of the store') {
    got = await good.fetch(listener.local, 'ipxe.efi', { blksize: '1428', windowsize: '4' })
  }
  t.ok(got.kind === 'file' && Buffer.compare(got.bytes, file) === 0, 'the next good client is served')
  await good[Symbol.asyncDispose]()
  await listener[Symbol.asyncDispose]()
  t.equal(listener.transferCount, 0, 'no transfer is left')
  t.equal(descriptors(), descriptorsBefore, 'every descriptor came back')
})

/** A client with an address of its own, which carries on with its transfer and sends other things besides. */
function openVictim(index: number, server: Endpoint) {
  let transfer: Endpoint | undefined
  let blocks = 0
  const address = ipv4OfNumber(numberOfIpv4('127.0.1.1' as Ipv4) + index)
  const socket = openUdp({ address, port: 0 }, (datagrams) => {
    for (const { bytes, from } of datagrams) {
      const packet = decodeTftp(bytes)
      if (packet.kind === 'malformed')
        throw new Error(`the server sent what cannot be read: ${packet.because}`)
      if (packet.kind === 'error') continue
      transfer = from
      const block = packet.kind === 'block' ? packet.block : 0
      if (packet.kind === 'block') blocks++
      // Every second one, so that time-outs happen as well.
      if (below(2) === 0) socket.send(encodeTftp({ kind: 'acknowledgement', block }), from)
    }
  })
  return {
    get transfer() {
      return transfer
    },
    blockCount: () => blocks,
    close: () => socket.close(),
    /** Sends one packet, to the port for requests or to that of a transfer, its own or another's. */
    attack(another: Endpoint | undefined) {
      const target = oneOf([server, transfer ?? server, another ?? server])
      const kind = below(10)
      if (kind < 3) socket.send(randomBytes(below(600)), target)
      else if (kind < 9) socket.send(damaged(oneOf(golden)), target)
      else socket.send(oneOf(golden), target)
    },
  }
}

function randomBytes(length: number): Uint8Array {
  const bytes = Uint8Array.from({ length }, () => below(256))
  // Half of them begin like a packet, or hardly any would get past the first look.
  if (length > 1 && below(2) === 0) bytes.set([0, below(8)])
  return bytes
}

function damaged(packet: Uint8Array): Uint8Array {
  const copy = [...packet]
  for (let i = below(4); i >= 0; i--) {
    const at = below(copy.length + 1)
    const change = below(4)
    if (change === 0) copy[at] = below(256)
    else if (change === 1) copy.splice(at, below(8))
    else if (change === 2) copy.splice(at, 0, ...randomBytes(below(40)))
    else copy.splice(at, 0, ...copy.slice(0, below(copy.length)))
  }
  return Uint8Array.from(copy)
}
