import { readdirSync } from 'node:fs'
import t from 'tap'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { listenTftp, type FoundFile, type TftpSettings, type WantedFile } from '../../server/listen/tftp.ts'
import { encodeTftp } from '../../server/tftp/encode.ts'
import { netascii } from '../../server/tftp/netascii.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import { goldenBytes } from '../tftp/golden.ts'
import { openClient, readRequest } from './tftp-client.ts'

const asked = '127.0.0.3' as Ipv4
const content = (byteCount: number) =>
  Uint8Array.from({ length: byteCount }, (_, i) => (i * 5 + (i >>> 9)) & 0xff)
const files: { readonly [file: string]: Uint8Array } = {
  'ipxe.efi': content(100_000),
  'snponly.efi': content(3_000),
  empty: new Uint8Array(),
  'notes.txt': Uint8Array.from(Buffer.from('one\ntwo\n')),
}

function find({ file }: WantedFile): FoundFile {
  const bytes = files[file]
  if (bytes !== undefined) return { kind: 'bytes', bytes }
  return { kind: 'refused', code: 'no-such-file', because: `there is no boot program ${file}` }
}

function listen(settings: Partial<TftpSettings> = {}) {
  const events: ApplianceEvent[] = []
  const wanted: WantedFile[] = []
  const listener = listenTftp({
    network: 'lab',
    interface: 'lo',
    address: asked,
    port: 0,
    report: (event) => events.push(event),
    lookup: (file) => {
      wanted.push(file)
      return find(file)
    },
    ...settings,
  })
  return { listener, events, wanted, to: listener.local }
}

const descriptors = () => readdirSync('/proc/self/fd').length

t.test('a file is sent from the address that was asked, through a port of its own', async (t) => {
  const { listener, events, wanted, to } = listen()
  await using _listener = listener
  await using client = openClient()
  const got = await client.fetch(to, '/ipxe.efi')
  if (got.kind !== 'file') return t.fail(got.text)
  t.same(got.bytes, files['ipxe.efi'])
  t.equal(got.from.address, asked)
  t.not(got.from.port, to.port)
  t.same(wanted, [{ file: 'ipxe.efi', client: '127.0.0.1', network: 'lab' }])
  await client.fetch(to, 'nothing')
  t.match(events, [
    {
      kind: 'program-sent',
      file: 'ipxe.efi',
      byteCount: 100_000,
      address: '127.0.0.1',
      network: 'lab',
    },
    { kind: 'program-not-sent' },
  ])
})

t.test('with options, windows and every size around a block, what arrives is the file', async (t) => {
  const sizes = [0, 1, 99, 100, 101, 1_599, 1_600, 1_601, 50_000]
  const { listener, to } = listen({
    lookup: ({ file }) => ({ kind: 'bytes', bytes: content(Number(file)) }),
  })
  await using _listener = listener
  for (const windowsize of ['1', '4', '16', '64']) {
    for (const size of sizes) {
      await using client = openClient()
      const got = await client.fetch(to, String(size), { BLKSIZE: '100', windowsize, tsize: '0' })
      t.ok(got.kind === 'file' && Buffer.compare(got.bytes, content(size)) === 0, `${size} by ${windowsize}`)
    }
  }
})

t.test(
  "EDK2's question for the size ends without a word of blame, and its next request is served",
  async (t) => {
    const { listener, events, to } = listen()
    await using _listener = listener
    await using probe = openClient()
    probe.send(goldenBytes('read-edk2-size'), to)
    const { packet, from } = await probe.next()
    t.strictSame(packet, {
      kind: 'option-acknowledgement',
      options: new Map([
        ['tsize', '3000'],
        ['blksize', '1468'],
        ['windowsize', '4'],
      ]),
    })
    probe.send(goldenBytes('error-edk2-size'), from)
    await using client = openClient()
    const got = await client.fetch(to, 'snponly.efi', { blksize: '1468', windowsize: '4' })
    t.equal(got.kind, 'file')
    await client.fetch(to, 'nothing')
    t.match(events, [
      { kind: 'program-not-sent', file: 'snponly.efi', expected: true, because: /error 8.*User aborted/ },
      { kind: 'program-sent', file: 'snponly.efi' },
      { kind: 'program-not-sent', file: 'nothing', expected: false },
    ])
  },
)

t.test('what is refused is refused at once, with its code and a reason', async (t) => {
  const { listener, events, wanted, to } = listen()
  await using _listener = listener
  await using client = openClient()
  const refusals = [
    [readRequest('missing.efi'), 1, /there is no boot program missing.efi/],
    [readRequest('../../etc/passwd'), 2, /leads outside/],
    [readRequest('..\\windows'), 2, /leads outside/],
    [readRequest(''), 2, /empty/],
    [readRequest('ipxe.efi', {}, 'mail'), 4, /octet or netascii/],
    [readRequest('ipxe.efi', {}, 'fancy'), 4, /octet or netascii/],
    [goldenBytes('write-busybox'), 2, /takes no files/],
  ] as const
  for (const [request, code, text] of refusals) {
    client.send(request, to)
    const { packet, from } = await client.next()
    t.match(packet, { kind: 'error', code, text })
    t.equal(from.address, asked)
  }
  t.same(
    wanted.map(({ file }) => file),
    ['missing.efi'],
    'only a name that can be one is looked up',
  )
  t.equal(events.length, refusals.length)
  t.ok(events.every((event) => event.kind === 'program-not-sent' && !event.expected))
  t.equal(listener.transferCount, 0)
})

t.test('text is translated for those who ask for text', async (t) => {
  const { listener, to } = listen({
    lookup: ({ file }) => ({ kind: 'bytes', bytes: files[file] ?? new Uint8Array(2_000_000) }),
  })
  await using _listener = listener
  await using client = openClient()
  const got = await client.fetch(to, 'notes.txt', {}, 'NETASCII')
  t.ok(got.kind === 'file' && Buffer.compare(got.bytes, netascii(files['notes.txt']!)) === 0)
  t.match(await client.fetch(to, 'large', {}, 'netascii'), { kind: 'error', code: 4, text: /octet/ })
})

t.test('a request that comes twice makes one transfer', async (t) => {
  const { listener, wanted, to } = listen()
  await using _listener = listener
  await using client = openClient()
  for (let i = 0; i < 5; i++) client.ask(to, 'ipxe.efi')
  const first = await client.next()
  client.acknowledge(first.from, 1)
  const second = await client.next()
  t.match(second.packet, { kind: 'block', block: 2 })
  t.strictSame(second.from, first.from)
  client.ask(to, 'ipxe.efi')
  client.acknowledge(first.from, 2)
  t.match((await client.next()).packet, { kind: 'block', block: 3 })
  t.equal(wanted.length, 1)
  t.equal(listener.transferCount, 1)
})

t.test('a client that asks for something else from the same port gets that', async (t) => {
  const { listener, events, to } = listen()
  await using _listener = listener
  await using client = openClient()
  client.ask(to, 'ipxe.efi')
  const first = await client.next()
  client.ask(to, 'notes.txt')
  const second = await client.next()
  t.match(second.packet, { kind: 'block', block: 1, bytes: files['notes.txt'] })
  t.not(second.from.port, first.from.port)
  client.acknowledge(first.from, 1)
  client.acknowledge(second.from, 1)
  await client.fetch(to, 'nothing')
  t.match(events.slice(0, 2), [
    { kind: 'program-not-sent', file: 'ipxe.efi', because: /began again/ },
    { kind: 'program-sent', file: 'notes.txt' },
  ])
})

t.test('a stranger at the port of a transfer is sent away and disturbs nothing', async (t) => {
  const { listener, events, to } = listen()
  await using _listener = listener
  await using client = openClient()
  await using stranger = openClient('127.0.0.2' as Ipv4)
  client.ask(to, 'ipxe.efi')
  const { from } = await client.next()
  stranger.send(encodeTftp({ kind: 'error', code: 0, text: 'die' }), from)
  stranger.send(Uint8Array.of(), from)
  stranger.send(Uint8Array.of(0), from)
  stranger.acknowledge(from, 1)
  t.match((await stranger.next()).packet, { kind: 'error', code: 5 })
  t.equal(stranger.untaken(), 0, 'errors and garbage get no answer')
  client.acknowledge(from, 1)
  t.match((await client.next()).packet, { kind: 'block', block: 2 })
  t.match(
    events.map(({ kind }) => kind),
    ['packet-malformed', 'packet-malformed', 'packet-ignored'],
  )
})

t.test('answers after the end of a transfer get none', async (t) => {
  const { listener, to } = listen()
  await using _listener = listener
  await using client = openClient()
  const got = await client.fetch(to, 'notes.txt')
  if (got.kind !== 'file') return t.fail(got.text)
  client.acknowledge(got.from, 1)
  client.ask(to, 'nothing')
  t.match((await client.next()).packet, { kind: 'error', code: 1 })
  t.equal(client.untaken(), 0)
})

t.test('what is no request gets no answer on the port for requests', async (t) => {
  const { listener, events, to } = listen()
  await using _listener = listener
  await using client = openClient()
  client.send(Uint8Array.of(0, 1, 65), to)
  client.send(Uint8Array.of(), to)
  client.acknowledge(to, 1)
  client.send(encodeTftp({ kind: 'error', code: 5, text: 'no' }), to)
  client.send(encodeTftp({ kind: 'block', block: 1, bytes: new Uint8Array(9) }), to)
  client.ask(to, 'nothing')
  t.match((await client.next()).packet, { kind: 'error', code: 1 })
  t.same(
    events.map(({ kind }) => kind),
    'packet-malformed packet-malformed packet-ignored packet-ignored packet-ignored program-not-sent'.split(
      ' ',
    ),
  )
})

t.test('a file that is found later is sent then, and a failed search is told', async (t) => {
  const { listener, to } = listen({
    lookup: async (wanted) => {
      await Promise.resolve()
      if (wanted.file === 'broken') throw new Error('the disk is gone')
      return find(wanted)
    },
  })
  await using _listener = listener
  await using client = openClient()
  t.equal((await client.fetch(to, 'notes.txt')).kind, 'file')
  t.match(await client.fetch(to, 'broken'), { kind: 'error', code: 0, text: 'the disk is gone' })
  t.match(await client.fetch(to, 'missing'), { kind: 'error', code: 1 })
  t.equal(listener.transferCount, 0)
})

t.test('a search that throws is told too', async (t) => {
  const { listener, to } = listen({
    lookup: () => {
      throw new Error('no table of programs')
    },
  })
  await using _listener = listener
  await using client = openClient()
  t.match(await client.fetch(to, 'any'), { kind: 'error', code: 0, text: 'no table of programs' })
})

t.test('more transfers than allowed are refused, for one client and for all', async (t) => {
  const { listener, to } = listen({ limits: { transfers: 4, transfersPerClient: 3 } })
  await using _listener = listener
  const clients = Array.from({ length: 4 }, () => openClient())
  const others = Array.from({ length: 2 }, () => openClient('127.0.0.2' as Ipv4))
  for (const client of clients) client.ask(to, 'ipxe.efi')
  const answers = await Promise.all(clients.map(({ next }) => next()))
  t.same(
    answers.map(({ packet }) => packet.kind),
    ['block', 'block', 'block', 'error'],
  )
  for (const client of others) client.ask(to, 'ipxe.efi')
  const otherAnswers = await Promise.all(others.map(({ next }) => next()))
  t.same(
    otherAnswers.map(({ packet }) => packet.kind),
    ['block', 'error'],
  )
  t.match(otherAnswers[1]!.packet, { text: /too many transfers/ })
  clients[0]!.send(encodeTftp({ kind: 'error', code: 0, text: 'enough' }), answers[0]!.from)
  t.equal((await clients[3]!.fetch(to, 'notes.txt')).kind, 'file', 'room that is given back is used')
  for (const client of [...clients, ...others]) await client[Symbol.asyncDispose]()
})

t.test('five hundred clients at once are all served, and every descriptor comes back', async (t) => {
  const before = descriptors()
  const { listener, events, to } = listen({ limits: { transfersPerClient: 500 } })
  const clients = Array.from({ length: 500 }, () => openClient())
  const got = await Promise.all(
    clients.map((client, i) =>
      client.fetch(to, 'ipxe.efi', { blksize: '1428', windowsize: String((i % 8) + 1) }),
    ),
  )
  t.ok(got.every((each) => each.kind === 'file' && Buffer.compare(each.bytes, files['ipxe.efi']!) === 0))
  await clients[0]!.fetch(to, 'nothing')
  t.equal(events.filter(({ kind }) => kind === 'program-sent').length, 500)
  t.equal(listener.transferCount, 0)
  await listener[Symbol.asyncDispose]()
  for (const client of clients) await client[Symbol.asyncDispose]()
  t.equal(descriptors(), before)
})

t.test('stopping tells the clients, and leaves nothing behind', async (t) => {
  const before = descriptors()
  const { listener, events, to } = listen()
  const client = openClient()
  client.ask(to, 'ipxe.efi')
  await client.next()
  await listener[Symbol.asyncDispose]()
  t.match((await client.next()).packet, { kind: 'error', code: 0, text: /stops/ })
  t.match(events, [{ kind: 'program-not-sent', because: /stops/ }])
  await client[Symbol.asyncDispose]()
  t.equal(descriptors(), before)
})

t.test('a taken port is refused whole', async (t) => {
  const before = descriptors()
  const { listener, to } = listen()
  t.throws(() => listen({ port: to.port }), { message: /is taken/ })
  await listener[Symbol.asyncDispose]()
  t.equal(descriptors(), before)
})

t.test('a file that the client does without is refused at once, and told as expected', async (t) => {
  const because = 'GRUB looks for it and does without'
  const { listener, events, to } = listen({
    lookup: () => ({ kind: 'refused', code: 'no-such-file', because, expected: true }),
  })
  await using _listener = listener
  await using client = openClient()
  const got = await client.fetch(to, 'grub/x86_64-efi/command.lst')
  t.match(got, { kind: 'error', code: 1 })
  t.match(events, [{ kind: 'program-not-sent', expected: true, because }])
})
