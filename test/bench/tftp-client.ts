import koffi from 'koffi'
import { readFileSync } from 'node:fs'

/*
 * Fetches one file many times at once and prints, as one line of JSON, how long it took. It is a process of its own that
 * blocks in epoll_wait and calls the C library directly, so that the servers are measured and not the client.
 *
 *   node test/bench/tftp-client.ts ADDRESS PORT FILE PATH-OF-THE-SAME-FILE BLOCK WINDOW CLIENTS LOSS-PER-MILLE
 */
const [address = '', portText, file = '', path = '', blockText, windowText, clientsText, lossText] =
  process.argv.slice(2)
const port = Number(portText)
const wantedBlock = Number(blockText)
const wantedWindow = Number(windowText)
const clientCount = Number(clientsText)
const lossPerMille = Number(lossText)
const expected = readFileSync(path)

const c = koffi.load('libc.so.6')
const socket = c.func('int socket(int, int, int)')
const connect = c.func('int connect(int, const void *, uint32_t)')
const bind = c.func('int bind(int, const void *, uint32_t)')
const recvfrom = c.func('int64_t recvfrom(int, void *, size_t, int, void *, void *)')
const send = c.func('int64_t send(int, const void *, size_t, int)')
const sendto = c.func('int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)')
const epollCreate = c.func('int epoll_create1(int)')
const epollControl = c.func('int epoll_ctl(int, int, int, void *)')
const epollWait = c.func('int epoll_wait(int, void *, int, int)')
const close = c.func('int close(int)')

const MSG_DONTWAIT = 0x40
const EPOLL_CTL_ADD = 1
/** struct epoll_event is packed on x64 only. */
const eventBytes = process.arch === 'x64' ? 12 : 16
const eventsAtOnce = 128
const clientTimeoutMs = 1_000
const patienceMs = 60_000

type Client = {
  readonly fd: number
  connected: boolean
  block: number
  blockBytes: number
  windowBlocks: number
  unanswered: number
  have: number
  /** Whether the gap that is open was told. */
  told: boolean
  heardAt: number
  startedAt: number
  tries: number
  result: 'fetching' | 'complete' | 'failed'
}

function socketAddress(text: string, port: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16LE(2, 0)
  bytes.writeUInt16BE(port, 2)
  text.split('.').forEach((part, i) => bytes.writeUInt8(Number(part), 4 + i))
  return bytes
}

const server = socketAddress(address, port)
const request = Buffer.from(
  `\0\u0001${file}\0octet\0` +
    (wantedBlock === 512 ? '' : `blksize\0${wantedBlock}\0`) +
    (wantedWindow === 1 ? '' : `windowsize\0${wantedWindow}\0`),
)
const epoll = epollCreate(0) as number
const events = Buffer.alloc(eventBytes * eventsAtOnce)
const packet = Buffer.alloc(70_000)
const from = Buffer.alloc(16)
const fromLength = Buffer.from([16, 0, 0, 0])
const answer = Buffer.from([0, 4, 0, 0])
const clients = new Map<number, Client>()
let duplicates = 0
let state = 12_345

/** Drops on receipt, as many of a thousand as was asked (xorshift). */
function isLost(): boolean {
  if (lossPerMille === 0) return false
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % 1_000 < lossPerMille
}

function acknowledge(client: Client): void {
  answer.writeUInt16BE(client.block & 0xffff, 2)
  client.unanswered = 0
  if (isLost()) return
  send(client.fd, answer, 4, MSG_DONTWAIT)
}

function end(client: Client, result: 'complete' | 'failed'): void {
  client.result = result
  close(client.fd)
  clients.delete(client.fd)
}

function take(client: Client, length: number, now: number): void {
  client.heardAt = now
  client.tries = 0
  const operation = packet[1]
  if (operation === 6) {
    const words = packet.subarray(2, length).toString().split('\0')
    for (let i = 0; i + 1 < words.length; i += 2) {
      if (words[i]?.toLowerCase() === 'blksize') client.blockBytes = Number(words[i + 1])
      if (words[i]?.toLowerCase() === 'windowsize') client.windowBlocks = Number(words[i + 1])
    }
    if (client.block === 0) acknowledge(client)
    return
  }
  if (operation === 5) {
    process.stderr.write(`${packet.subarray(4, length).toString()}\n`)
    return end(client, 'failed')
  }
  if (operation !== 3) return
  if (packet.readUInt16BE(2) !== ((client.block + 1) & 0xffff)) {
    duplicates++
    // RFC 7440 §4: one answer for a gap; in lock-step one for a block that came again.
    if (client.windowBlocks === 1 || !client.told) acknowledge(client)
    client.told = true
    return
  }
  const content = length - 4
  if (packet.compare(expected, client.have, client.have + content, 4, length) !== 0)
    return end(client, 'failed')
  client.told = false
  client.block++
  client.have += content
  client.unanswered++
  if (content < client.blockBytes) {
    acknowledge(client)
    return end(client, client.have === expected.length ? 'complete' : 'failed')
  }
  if (client.unanswered >= client.windowBlocks) acknowledge(client)
}

function drain(client: Client, now: number): void {
  // No more at once than a window, so that all get their turn.
  for (let i = 0; i < 16 && client.result === 'fetching'; i++) {
    const length = client.connected
      ? Number(recvfrom(client.fd, packet, packet.length, MSG_DONTWAIT, null, null))
      : Number(recvfrom(client.fd, packet, packet.length, MSG_DONTWAIT, from, fromLength))
    if (length < 4) return
    if (isLost()) continue
    if (!client.connected) {
      connect(client.fd, from, 16)
      client.connected = true
    }
    take(client, length, now)
    if (client.windowBlocks === 1) return
  }
}

function remind(now: number): void {
  for (const client of clients.values()) {
    if (now - client.startedAt > patienceMs * 5 || client.tries > patienceMs / clientTimeoutMs)
      end(client, 'failed')
    else if (now - client.heardAt > clientTimeoutMs) {
      client.heardAt = now
      client.tries++
      if (client.connected) acknowledge(client)
      else sendto(client.fd, request, request.length, MSG_DONTWAIT, server, 16)
    }
  }
}

function begin(): Client {
  const fd = socket(2, 2 | 0o4000, 0) as number
  if (fd < 0 || bind(fd, socketAddress('127.0.0.1', 0), 16) < 0) {
    throw new Error('No socket is left. Raise the limit with `ulimit -n`.')
  }
  const event = Buffer.alloc(eventBytes)
  event.writeUInt32LE(1, 0)
  event.writeInt32LE(fd, eventBytes - 8)
  epollControl(epoll, EPOLL_CTL_ADD, fd, event)
  const now = performance.now()
  if (!isLost()) sendto(fd, request, request.length, MSG_DONTWAIT, server, 16)
  return {
    fd,
    connected: false,
    block: 0,
    blockBytes: 512,
    windowBlocks: 1,
    unanswered: 0,
    have: 0,
    told: false,
    heardAt: now,
    startedAt: now,
    tries: 0,
    result: 'fetching',
  }
}

function fetchAll(count: number): { readonly ms: number; readonly all: readonly Client[] } {
  const startedAt = performance.now()
  const all = Array.from({ length: count }, begin)
  for (const client of all) clients.set(client.fd, client)
  let remindedAt = startedAt
  while (clients.size > 0) {
    const ready = epollWait(epoll, events, eventsAtOnce, 100) as number
    const now = performance.now()
    for (let i = 0; i < ready; i++) {
      const client = clients.get(events.readInt32LE(i * eventBytes + eventBytes - 8))
      if (client !== undefined) drain(client, now)
    }
    if (now - remindedAt > 100) {
      remindedAt = now
      remind(now)
    }
  }
  return { ms: performance.now() - startedAt, all }
}

// A first fetch warms up both sides: compiled code here, the page cache there. On a bad wire speed is not the question.
if (lossPerMille === 0) fetchAll(1)
duplicates = 0
const { ms, all } = fetchAll(clientCount)
const complete = all.filter(({ result }) => result === 'complete').length
const granted = all[0] === undefined ? '' : `${all[0].blockBytes}/${all[0].windowBlocks}`
process.stdout.write(`${JSON.stringify({ ms, complete, duplicates, granted })}\n`)
