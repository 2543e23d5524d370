import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BlobStore } from '../../server/images/blob-store.ts'
import { download } from '../../server/images/download.ts'
import { RateLimit } from '../../server/images/rate-limit.ts'
import { UpstreamFault } from '../../server/images/upstream-fault.ts'
import { testFolder } from '../folder.ts'
import { aStore, digestOf, someBytes } from './a-store.ts'
import {
  answers,
  anUpstream,
  cutAfter,
  endless,
  mute,
  otherBytes,
  raw,
  stallsAfter,
  tagOf,
  type Misbehaviour,
  type Upstream,
} from './an-upstream.ts'
import { someTools, type SomeTools } from './some-tools.ts'

const path = 'noble/squashfs'
const megabyte = 1024 * 1024
const file = someBytes(3 * megabyte + 17)
const sha256 = digestOf(file)

type Scene = AsyncDisposable & {
  readonly upstream: Upstream
  readonly store: BlobStore
  readonly tools: SomeTools
  readonly progress: readonly number[]
  fetch(): Promise<void>
  /** What lies in the store besides blobs. */
  leftOver(): readonly string[]
  stored(): Buffer
}

async function aScene(t: Test, other: Parameters<typeof someTools>[0] = {}): Promise<Scene> {
  const folder = testFolder(t)
  await using opened = new AsyncDisposableStack()
  const store = opened.use(await aStore(folder))
  const upstream = opened.use(await anUpstream())
  const tools = someTools(other)
  upstream.put(path, file)
  const progress: number[] = []
  const rest = opened.move()
  return {
    upstream,
    store,
    tools,
    progress,
    async fetch() {
      await download(
        { url: `${upstream.base}${path}`, sha256, byteCount: file.length },
        { ...tools, store, rate: undefined, progress: (at) => progress.push(at) },
      )
    },
    leftOver: () => readdirSync(join(folder, 'incoming')).filter((name) => name.endsWith('.part')),
    stored: () => readFileSync(store.pathOf(sha256)),
    [Symbol.asyncDispose]: async () => await rest.disposeAsync(),
  }
}

t.test('a file comes whole, and progress ends at its size', async (t) => {
  await using scene = await aScene(t)
  await scene.fetch()
  t.ok(scene.stored().equals(file))
  t.equal(scene.progress[0], 0)
  t.equal(scene.progress.at(-1), file.length)
  t.strictSame(scene.leftOver(), [])
  t.equal(scene.upstream.asked[0]?.headers['user-agent'], 'ironwake/test')
})

const cuts: readonly (readonly [string, number])[] = [
  ['before the first byte', 0],
  ['after the first byte', 1],
  ['in the middle', megabyte + 5],
  ['before the last byte', file.length - 1],
]
for (const [where, after] of cuts) {
  t.test(`a connection that is cut ${where} is taken up again where it broke`, async (t) => {
    await using scene = await aScene(t)
    scene.upstream.misbehave(path, cutAfter(after, 1))
    await scene.fetch()
    t.ok(scene.stored().equals(file))
    const [first, second] = scene.upstream.asked
    t.equal(first?.range, undefined)
    t.equal(second?.range, after === 0 ? undefined : `bytes=${after}-`)
    t.equal(second?.ifRange, after === 0 ? undefined : tagOf(file), 'on condition that it is the same file')
    t.equal(scene.tools.pauses.length, 1)
  })
}

t.test(
  'a connection that is cut at every turn still brings the file, as long as each try brings something',
  async (t) => {
    await using scene = await aScene(t)
    scene.upstream.misbehave(path, cutAfter(megabyte))
    await scene.fetch()
    t.ok(scene.stored().equals(file))
    t.equal(scene.upstream.asked.length, 4)
  },
)

t.test('tries that bring nothing come to an end, and what came is kept for the next run', async (t) => {
  await using scene = await aScene(t)
  scene.upstream.misbehave(path, cutAfter(megabyte / 4))
  await t.rejects(scene.fetch(), { kind: 'unreachable', message: /the connection broke/ })
  t.equal(scene.upstream.asked.length, 5)
  t.strictSame(scene.tools.pauses, [1_000, 2_000, 4_000, 8_000], 'each pause is twice as long')
  t.equal(scene.leftOver().length, 1)

  scene.upstream.behave()
  await scene.fetch()
  t.ok(scene.stored().equals(file))
  t.equal(scene.upstream.asked.at(-1)?.range, `bytes=${(5 * megabyte) / 4}-`)
  t.strictSame(scene.leftOver(), [])
})

t.test('a file of which the last byte came in an earlier run is not asked for again', async (t) => {
  await using scene = await aScene(t)
  const receiving = await scene.store.receive({ sha256, byteCount: file.length })
  await receiving.write(file)
  await receiving.pause()
  await scene.fetch()
  t.equal(scene.upstream.asked.length, 0)
  t.ok(scene.stored().equals(file))
})

const cannotResume: readonly (readonly [string, Misbehaviour])[] = [
  [
    'sends the whole file again',
    ({ response, file, times }) => {
      if (times === 1) return false
      response.writeHead(200, { 'content-length': file.length }).end(file)
      return true
    },
  ],
  ['sends another part than was asked for', partFrom((from) => from - 10)],
  [
    'sends a part of a file of another size',
    ({ response, file, from }) => {
      if (from === 0) return false
      response.writeHead(206, { 'content-range': `bytes ${from}-${file.length}/${file.length + 1}` })
      response.end(Buffer.concat([file.subarray(from), Buffer.of(0)]))
      return true
    },
  ],
  ['knows no such part', ({ response, from }) => from > 0 && answered(response.writeHead(416).end())],
  [
    'sends a part without saying which',
    ({ response, file, from }) => from > 0 && answered(response.writeHead(206).end(file.subarray(from))),
  ],
]
for (const [claim, act] of cannotResume) {
  t.test(`a server that cannot go on is asked for the whole file: it ${claim}`, async (t) => {
    await using scene = await aScene(t)
    const cut = cutAfter(megabyte, 1)
    let requests = 0
    scene.upstream.misbehave(path, (happening) => {
      requests += 1
      return requests === 1 ? cut(happening) : act({ ...happening, times: requests })
    })
    await scene.fetch()
    t.ok(scene.stored().equals(file))
    t.ok(scene.progress.includes(0) && scene.progress.at(-1) === file.length)
  })
}

t.test('a file that was changed between two tries is fetched anew', async (t) => {
  await using scene = await aScene(t)
  const before = someBytes(file.length)
  scene.upstream.put(path, before)
  scene.upstream.misbehave(path, (happening) => {
    const cut = cutAfter(megabyte, 1)(happening)
    scene.upstream.put(path, file)
    scene.upstream.behave()
    return cut
  })
  await scene.fetch()
  t.ok(scene.stored().equals(file))
})

t.test('a beginning that is not that of the file is found out, and the file is fetched anew', async (t) => {
  await using scene = await aScene(t)
  const receiving = await scene.store.receive({ sha256, byteCount: file.length })
  await receiving.write(someBytes(megabyte))
  await receiving.pause()
  await scene.fetch()
  t.ok(scene.stored().equals(file))
  t.strictSame(
    scene.upstream.asked.map(({ range }) => range),
    [`bytes=${megabyte}-`, undefined],
  )
})

type Refusal = {
  readonly claim: string
  readonly act: Misbehaviour
  readonly kind: string
  readonly because: RegExp
  readonly requests: number
  readonly silenceMs?: number
}

const refusals: readonly Refusal[] = [
  {
    claim: 'other bytes of the same size',
    act: otherBytes((bytes) => bytes.fill(7, 100, 200)),
    kind: 'wrong-content',
    because: /is not what was signed: its SHA-256/,
    requests: 1,
  },
  {
    claim: 'one bit is different in the last byte',
    act: otherBytes((bytes) => bytes.fill(bytes.at(-1)! ^ 1, bytes.length - 1)),
    kind: 'wrong-content',
    because: /is not what was signed/,
    requests: 1,
  },
  {
    claim: 'the file is shorter',
    act: otherBytes((bytes) => bytes.subarray(0, -1)),
    kind: 'wrong-content',
    because: new RegExp(`has ${file.length - 1} bytes, and ${file.length} were signed`),
    requests: 1,
  },
  {
    claim: 'the file is longer',
    act: otherBytes((bytes) => Buffer.concat([bytes, Buffer.alloc(9)])),
    kind: 'wrong-content',
    because: /were signed/,
    requests: 1,
  },
  {
    claim: 'it goes on without an end',
    act: endless,
    kind: 'wrong-content',
    because: /goes on after the .* bytes that were signed/,
    requests: 1,
  },
  {
    claim: 'it is not there',
    act: answers(404),
    kind: 'missing',
    because: /is not there \(404\)/,
    requests: 1,
  },
  { claim: 'it is gone', act: answers(410), kind: 'missing', because: /\(410\)/, requests: 1 },
  { claim: 'it is not given out', act: answers(403), kind: 'refused', because: /\(403\)/, requests: 1 },
  { claim: 'the proxy wants a password', act: answers(407), kind: 'refused', because: /proxy/, requests: 1 },
  { claim: 'the server is broken', act: answers(500), kind: 'unreachable', because: /\(500\)/, requests: 5 },
  {
    claim: 'it comes packed',
    act: ({ response, file }) => answered(response.writeHead(200, { 'content-encoding': 'gzip' }).end(file)),
    kind: 'malformed',
    because: /packed as gzip/,
    requests: 1,
  },
  {
    claim: 'a part, where all was asked for',
    act: ({ response, file }) =>
      answered(response.writeHead(206, { 'content-range': `bytes 5-9/${file.length}` }).end('56789')),
    kind: 'refused',
    because: /not given out whole \(206\)/,
    requests: 1,
  },
  {
    claim: 'a connection that is cut before the header',
    act: ({ socket }) => answered(socket.destroy()),
    kind: 'unreachable',
    because: /the connection broke|socket hang up/,
    requests: 5,
  },
  {
    claim: 'a connection that is cut in the header',
    act: raw('HTTP/1.1 200 OK\r\nContent-Leng'),
    kind: 'unreachable',
    because: /the connection broke|socket hang up/,
    requests: 5,
  },
  {
    claim: 'what is no HTTP',
    act: raw('SSH-2.0-OpenSSH_9.2p1\r\n'),
    kind: 'malformed',
    because: /does not answer as HTTP does/,
    requests: 1,
  },
  {
    claim: 'a header without an end',
    act: raw(`HTTP/1.1 200 OK\r\n${'X-Filler: '.repeat(8_000)}\r\n`),
    kind: 'malformed',
    because: /does not answer as HTTP does: its header has no end/,
    requests: 1,
  },
  {
    claim: 'a server that says nothing',
    act: mute,
    kind: 'unreachable',
    because: /sent nothing for 0.05 seconds/,
    requests: 5,
    silenceMs: 50,
  },
  {
    claim: 'a server that falls silent before the body',
    act: stallsAfter(0),
    kind: 'unreachable',
    because: /sent nothing for 0.05 seconds/,
    requests: 5,
    silenceMs: 50,
  },
]

for (const { claim, act, kind, because, requests, silenceMs } of refusals) {
  t.test(`refused with its reason, and nothing is left behind: ${claim}`, async (t) => {
    await using scene = await aScene(t, silenceMs === undefined ? {} : { silenceMs })
    scene.upstream.misbehave(path, act)
    await t.rejects(scene.fetch(), { name: 'UpstreamFault', kind, message: because })
    t.equal(scene.tools.pauses.length, requests - 1, 'tried as often as it may help')
    // Where this process stands still for as long as the silence may last, a try ends before the server has heard of it.
    if (silenceMs === undefined) t.equal(scene.upstream.asked.length, requests)
    t.strictSame(scene.leftOver(), [])
    t.notOk(await scene.store.has(sha256))
  })
}

t.test('a server that is overloaded is left alone for as long as it asks', async (t) => {
  await using scene = await aScene(t)
  scene.upstream.misbehave(path, ({ response, times }) => {
    if (times > 2) return false
    return answered(response.writeHead(503, { 'retry-after': times === 1 ? '7' : '86400' }).end())
  })
  await scene.fetch()
  t.strictSame(scene.tools.pauses, [7_000, 120_000], 'but not for a day')
})

t.test('a server that sends a few bytes a minute is given up like one that is silent', async (t) => {
  // Each look at the clock is a minute later.
  let time = 0
  await using scene = await aScene(t, { now: () => (time += 60_000) })
  scene.upstream.misbehave(path, ({ response, file, from }) => {
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': file.length - from,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
    })
    response.write(file.subarray(from, from + 100))
    return true
  })
  await t.rejects(scene.fetch(), { kind: 'too-slow', message: /sent 100 bytes in 60 seconds/ })
  t.equal(scene.upstream.asked.length, 5)
})

const redirects: readonly (readonly [string, (base: string) => string, RegExp])[] = [
  ['to itself', (base) => `${base}${path}`, /leads round in a circle/],
  ['to a file of this box', () => 'file:///etc/shadow', /no plain URL of http or https/],
  ['to another kind of server', () => 'ftp://mirror.example/squashfs', /no plain URL of http or https/],
  ['with a password', (base) => base.replace('//', '//user:secret@'), /no plain URL/],
  ['to nowhere', () => '', /leads to no other place/],
  ['to what is no URL', () => 'http://[', /leads to no other place/],
]
for (const [claim, to, because] of redirects) {
  t.test(`a redirect is not followed: ${claim}`, async (t) => {
    await using scene = await aScene(t)
    scene.upstream.misbehave(path, answers(302, { location: to(scene.upstream.base) }))
    await t.rejects(scene.fetch(), { kind: 'redirected', message: because })
    t.equal(scene.upstream.asked.length, 1)
    t.strictSame(scene.leftOver(), [])
  })
}

t.test('a circle of redirects, and a chain without an end, come to an end', async (t) => {
  await using scene = await aScene(t)
  scene.upstream.misbehave(path, answers(301, { location: '/a' }))
  scene.upstream.misbehave('a', answers(307, { location: `/${path}` }))
  await t.rejects(scene.fetch(), { kind: 'redirected', message: /in a circle/ })
  t.equal(scene.upstream.asked.length, 2)

  for (let step = 0; step < 10; step++)
    scene.upstream.misbehave(`step-${step}`, answers(302, { location: `/step-${step + 1}` }))
  scene.upstream.misbehave(path, answers(302, { location: '/step-0' }))
  await t.rejects(scene.fetch(), { kind: 'redirected', message: /more than 5 times/ })
})

t.test('a redirect within http is followed, also when going on', async (t) => {
  await using scene = await aScene(t)
  await using mirror = await anUpstream()
  mirror.put('elsewhere', file)
  mirror.misbehave('elsewhere', cutAfter(megabyte, 1))
  scene.upstream.misbehave(path, answers(302, { location: `${mirror.base}elsewhere?token=secret#x` }))
  await scene.fetch()
  t.ok(scene.stored().equals(file))
  t.strictSame(
    mirror.asked.map(({ range }) => range),
    [undefined, `bytes=${megabyte}-`],
  )
})

t.test('nobody answers at all', async (t) => {
  await using scene = await aScene(t)
  await scene.upstream[Symbol.asyncDispose]()
  await t.rejects(scene.fetch(), { kind: 'unreachable', message: /nobody answers there/ })
  t.strictSame(scene.leftOver(), [])
})

t.test('a download that is stopped ends at once and keeps what came', async (t) => {
  await using scene = await aScene(t)
  scene.upstream.misbehave(path, stallsAfter(megabyte))
  const { tools, store, upstream } = scene
  const fetching = download(
    { url: `${upstream.base}${path}`, sha256, byteCount: file.length },
    { ...tools, store, rate: undefined, progress: (at) => at >= megabyte && tools.stop() },
  )
  await t.rejects(fetching, { kind: 'stopped', message: 'It was stopped.' })
  t.equal(scene.leftOver().length, 1)
})

t.test('a rate limit spreads the bytes over time', async (t) => {
  await using scene = await aScene(t)
  let clock = 0
  const waited: number[] = []
  const tools = {
    ...scene.tools,
    async wait(ms: number) {
      waited.push(ms)
      clock += ms
    },
  }
  const rate = new RateLimit(megabyte, () => clock)
  const url = `${scene.upstream.base}${path}`
  await download(
    { url, sha256, byteCount: file.length },
    { ...tools, store: scene.store, rate, progress() {} },
  )
  t.ok(scene.stored().equals(file))
  const seconds = file.length / megabyte
  t.ok(Math.abs(clock / 1000 - seconds) < 0.01, `${clock} ms for ${seconds} s worth of bytes`)
})

t.test('two downloads share the limit', async (t) => {
  let clock = 0
  const rate = new RateLimit(1_000, () => clock)
  t.equal(rate.take(500), 500)
  t.equal(rate.take(500), 1_000, 'the second waits for the first')
  clock = 5_000
  t.equal(rate.take(100), 100, 'time in which nothing came is not saved up')
})

t.test('faults are told apart from mistakes of our own', async (t) => {
  await using scene = await aScene(t)
  const broken = { ...scene.tools, openUrl: () => Promise.reject(new TypeError('a mistake')) }
  const url = `${scene.upstream.base}${path}`
  const order = { url, sha256, byteCount: file.length }
  const fetching = download(order, { ...broken, store: scene.store, rate: undefined, progress() {} })
  await t.rejects(fetching, new TypeError('a mistake'))
  t.notOk(new TypeError('a mistake') instanceof UpstreamFault)
})

function partFrom(other: (from: number) => number): Misbehaviour {
  return ({ response, file, from }) => {
    if (from === 0) return false
    const first = other(from)
    const bytes = file.subarray(first)
    response.writeHead(206, { 'content-range': `bytes ${first}-${file.length - 1}/${file.length}` })
    response.end(bytes)
    return true
  }
}

/** What was said is the answer; the server need not give one. */
function answered(said: unknown): boolean {
  return said !== undefined
}
