import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import type { Diagnosis } from '../../server/boot/doctor.ts'
import type { RecordedEvent } from '../../server/events/event.ts'
import { apiApp, type ApiDesk, type EventFilter, type MachineSummary } from '../../server/http/api-app.ts'
import type { Machine } from '../../server/machines/machine.ts'
import { macNumber } from '../networks/a-network.ts'
import { byMacAlone } from '../store/records.ts'
import { aDesk } from './an-api-desk.ts'
import { overLoopback, until } from './over-loopback.ts'

function aSummary(id: string, hostname?: string): MachineSummary {
  const machine: Machine = {
    id,
    macs: [macNumber(1)],
    uuid: undefined,
    serial: undefined,
    manufacturer: undefined,
    product: undefined,
    hostname,
    architecture: undefined,
    firmware: undefined,
    state: 'discovered',
    stateBecause: 'seen for the first time',
    stateSince: 0,
    discoveredAt: 0,
    lastSeenAt: 0,
    failures: 0,
  }
  return { machine, attempt: undefined, lease: undefined, identity: byMacAlone }
}

const aDiagnosis: Diagnosis = {
  verdict: 'under-way',
  outlook: 'under-way',
  meaning: 'The boot goes on.',
  because: 'it was seen a moment ago',
  causes: [],
  since: 5,
}

function anEvent(id: number, machine?: string, text = `number ${id}`): RecordedEvent {
  const event = { kind: 'job-ran', job: 'count', outcome: text } as const
  return machine === undefined ? { id, at: id, event } : { id, at: id, machine, event }
}

/** An API over an empty box; what is given replaces a part of it. */
async function anApi(t: Test, given: Partial<ApiDesk> = {}) {
  const listeners = new Set<(event: RecordedEvent) => void>()
  const filters: EventFilter[] = []
  const desk: ApiDesk = {
    ...aDesk(),
    status: () => ({ version: '0.1.0', startedAt: 5, networks: [], jobs: [] }),
    machines: () => [aSummary('0a1b2c3d')],
    find: () => [],
    events: async (filter) => {
      filters.push(filter)
      return await Promise.resolve([])
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    approve: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    unapprove: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    plan: async () => await Promise.resolve({ kind: 'refused', because: 'there is no plan' }),
    retry: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    bootNext: async () => await Promise.resolve({ kind: 'done' }),
    diagnose: async () => await Promise.resolve(aDiagnosis),
    capture: () => undefined,
    ...given,
  }
  const served = await overLoopback(t, apiApp(desk))
  return {
    ...served,
    listeners,
    filters,
    tell: (event: RecordedEvent) => {
      for (const listener of listeners) listener(event)
    },
  }
}

type Api = Awaited<ReturnType<typeof anApi>>

async function isProblem(
  t: Test,
  api: Api,
  asking: Parameters<Api['ask']>[0],
  status: number,
  detail: RegExp,
) {
  const { statusCode, headers, body } = await api.ask(asking)
  t.equal(statusCode, status, asking.url)
  t.match(headers['content-type'], /^application\/problem\+json/)
  const problem = JSON.parse(body) as Record<string, unknown>
  t.strictSame(Object.keys(problem), ['title', 'status', 'detail'])
  t.equal(problem['status'], status)
  t.match(problem['detail'], detail)
  t.notMatch(body, /node_modules/, 'no stack')
}

t.test('status and machines are told as JSON', async (t) => {
  const api = await anApi(t)
  const status = await api.ask({ url: '/api/v1/status' })
  t.match(status.headers, { 'content-type': 'application/json; charset=utf-8' })
  t.equal(status.headers['x-powered-by'], undefined)
  t.strictSame(JSON.parse(status.body), { version: '0.1.0', startedAt: 5, networks: [], jobs: [] })
  t.match(JSON.parse((await api.ask({ url: '/api/v1/machines' })).body), [{ machine: { id: '0a1b2c3d' } }])
})

t.test('a machine is found by one name, and only when one has it', async (t) => {
  const names: string[] = []
  const api = await anApi(t, {
    find: (name) => {
      names.push(name)
      if (name === 'both') return [aSummary('0a1b2c3d', 'both'), aSummary('4e5f6g7h', 'both')]
      return name === '52:54:00:00:00:01' ? [aSummary('0a1b2c3d')] : []
    },
  })
  const found = await api.ask({ url: '/api/v1/machines/52%3A54%3A00%3A00%3A00%3A01' })
  t.equal(found.statusCode, 200)
  t.match(JSON.parse(found.body), { machine: { id: '0a1b2c3d' } })
  await isProblem(
    t,
    api,
    { url: '/api/v1/machines/nobody' },
    404,
    /no machine .* nobody; `ironwake machines list`/,
  )
  await isProblem(t, api, { url: '/api/v1/machines/both' }, 409, /several: 0a1b2c3d, 4e5f6g7h/)
  await isProblem(t, api, { url: '/api/v1/machines/..%2f..%2fetc' }, 404, /\.\.\/\.\.\/etc; `ironwake/)
  t.strictSame(names, ['52:54:00:00:00:01', 'nobody', 'both', '../../etc'])
})

t.test('a machine is diagnosed, and its frames are given as a file', async (t) => {
  const pcap = Uint8Array.of(0xa1, 0xb2, 0xc3, 0xd4, 0)
  const api = await anApi(t, {
    find: (name) => (name === 'nobody' ? [] : [aSummary(name)]),
    capture: ({ id }) => (id === 'silent' ? undefined : pcap),
  })
  const diagnosis = await api.ask({ url: '/api/v1/machines/0a1b2c3d/diagnosis' })
  t.equal(diagnosis.statusCode, 200)
  t.strictSame(JSON.parse(diagnosis.body), aDiagnosis)
  const capture = await api.ask({ url: '/api/v1/machines/0a1b2c3d/capture' })
  t.equal(capture.statusCode, 200)
  t.equal(capture.headers['content-type'], 'application/vnd.tcpdump.pcap')
  t.strictSame(new Uint8Array(capture.rawPayload), pcap)
  await isProblem(t, api, { url: '/api/v1/machines/silent/capture' }, 404, /nothing that silent said/)
  await isProblem(
    t,
    api,
    { url: '/api/v1/machines/nobody/capture' },
    404,
    /no machine .* nobody; `ironwake machines list`/,
  )
  await isProblem(
    t,
    api,
    { url: '/api/v1/machines/nobody/diagnosis' },
    404,
    /no machine .* nobody; `ironwake machines list`/,
  )
})

t.test(
  'an approval is taken whole or not at all, and a code that names the machine counts as compared',
  async (t) => {
    const asked: unknown[] = []
    const summary = aSummary('0a1b2c3d', 'node-1')
    const claimed = { ...summary, machine: { ...summary.machine, claim: 'KTW-RXP' } }
    const api = await anApi(t, {
      find: (name) => (name === 'nobody' ? [] : [claimed]),
      approve: async ({ id }, order) => {
        asked.push([id, order])
        const because = 'node-2 is the name of another'
        return await Promise.resolve(
          order.hostname === 'node-2' ? { kind: 'refused', because } : { kind: 'done', remarks: ['so'] },
        )
      },
      unapprove: async ({ id }) => {
        asked.push([id, 'unapprove'])
        return await Promise.resolve({ kind: 'refused', because: 'no person has approved it' })
      },
    })
    const approve = (name: string, body?: unknown) => ({
      method: 'PUT' as const,
      url: `/api/v1/machines/${name}/approval`,
      ...(body === undefined
        ? {}
        : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const { statusCode, body } = await api.ask(approve('node-1'))
    t.equal(statusCode, 200)
    t.match(JSON.parse(body), { machine: { id: '0a1b2c3d' }, remarks: ['so'] })
    await api.ask(approve('ktwrxp', { image: 'noble', once: true }))
    await isProblem(t, api, approve('node-1', { hostname: 'node-2' }), 409, /^node-2 is the name of another$/)
    t.strictSame(asked.splice(0), [
      ['0a1b2c3d', {}],
      ['0a1b2c3d', { image: 'noble', once: true, claim: 'ktwrxp' }],
      ['0a1b2c3d', { hostname: 'node-2' }],
    ])
    for (const wrong of [
      { disk: '' },
      { once: false },
      { keep: false },
      { wipe: 'yes' },
      { method: 'tape' },
      { role: 'boss' },
      { labels: { rack: 5 } },
      { taints: 'a:NoSchedule' },
      { serial: '1' },
      { image: '' },
      { hostname: 5 },
      [],
    ]) {
      await isProblem(t, api, approve('node-1', wrong), 400, /./)
    }
    await isProblem(t, api, approve('node-1', { image: 'x'.repeat(70_000) }), 413, /too large/)
    await isProblem(t, api, approve('nobody', {}), 404, / nobody; `ironwake machines list`/)
    t.strictSame(asked, [])
    const url = '/api/v1/machines/node-1/approval'
    await isProblem(t, api, { method: 'DELETE', url }, 409, /^no person has approved it$/)
  },
)

t.test('what a machine boots next is asked for by name, or its refusal told', async (t) => {
  const asked: (readonly [string, string | undefined])[] = []
  const api = await anApi(t, {
    find: (name) => (name === 'nobody' ? [] : [aSummary('0a1b2c3d', name)]),
    bootNext: async ({ id }, action) => {
      asked.push([id, action])
      return await Promise.resolve(
        action === 'image' ? { kind: 'refused', because: 'it is not approved' } : { kind: 'done' },
      )
    },
  })
  const url = '/api/v1/machines/node-1/boot-next'
  const put = await api.ask({ method: 'PUT', url: `${url}/local` })
  t.equal(put.statusCode, 204)
  t.equal((await api.ask({ method: 'DELETE', url })).statusCode, 204)
  await isProblem(t, api, { method: 'PUT', url: `${url}/image` }, 409, /^it is not approved$/)
  t.strictSame(asked, [
    ['0a1b2c3d', 'local'],
    ['0a1b2c3d', undefined],
    ['0a1b2c3d', 'image'],
  ])
  await isProblem(t, api, { method: 'PUT', url: `${url}/disk` }, 400, /^disk is nothing .* local, image$/)
  await isProblem(t, api, { method: 'PUT', url: `${url}/constructor` }, 400, /constructor/)
  await isProblem(
    t,
    api,
    { method: 'PUT', url: '/api/v1/machines/nobody/boot-next/local' },
    404,
    / nobody; `ironwake machines list`/,
  )
  await isProblem(
    t,
    api,
    { method: 'DELETE', url: '/api/v1/machines/nobody/boot-next' },
    404,
    / nobody; `ironwake machines list`/,
  )
  t.equal(asked.length, 3)
})

t.test('a machine is retried, or its refusal told', async (t) => {
  const asked: string[] = []
  const api = await anApi(t, {
    retry: async (id) => {
      asked.push(id)
      return await Promise.resolve(
        id === 'good'
          ? { kind: 'done', remarks: ['start it'] }
          : { kind: 'refused', because: 'it is installed' },
      )
    },
  })
  const { statusCode, body } = await api.ask({ method: 'POST', url: '/api/v1/machines/good/retry' })
  t.equal(statusCode, 200)
  t.match(JSON.parse(body), { remarks: ['start it'] })
  await isProblem(t, api, { method: 'POST', url: '/api/v1/machines/bad/retry' }, 409, /it is installed/)
  await isProblem(t, api, { url: '/api/v1/machines/good/retry' }, 404, /GET .* is not part of the API/)
  t.strictSame(asked, ['good', 'bad'])
})

t.test('events are filtered as they are asked for, and are never without a limit', async (t) => {
  const api = await anApi(t)
  const filterOf = async (query: string) => {
    t.equal((await api.ask({ url: `/api/v1/events${query}` })).statusCode, 200, query)
    return api.filters.at(-1)
  }
  t.strictSame(await filterOf(''), { limit: 1_000 })
  t.strictSame(await filterOf('?limit=5&after=7&machine=a&attempt=b'), {
    limit: 5,
    after: 7,
    machine: 'a',
    attempt: 'b',
  })
  t.strictSame(await filterOf('?limit=0'), { limit: 0 })
  t.strictSame(await filterOf('?limit=999999999'), { limit: 10_000 })
  t.strictSame(await filterOf('?machine='), { limit: 1_000, machine: '' })
})

t.test('a filter that is misspelt, repeated or no number is refused, not passed over', async (t) => {
  const api = await anApi(t)
  for (const path of ['/api/v1/events', '/api/v1/events/stream']) {
    const refused = async (query: string, detail: RegExp) =>
      await isProblem(t, api, { url: `${path}?${query}` }, 400, detail)
    await refused('limit=many', /limit must be a whole number/)
    await refused('limit=', /limit must be a whole number/)
    await refused('limit=-1', /limit must be a whole number/)
    await refused('limit=1e3', /limit must be a whole number/)
    await refused('after=1.5', /after must be a whole number/)
    await refused('after=9999999999999999', /after must be a whole number/)
    await refused('machine=a&machine=b', /machine is given more than once/)
    await refused('limit=5&limit=5', /limit is given more than once/)
    await refused('machin=a', /there is no filter machin/)
    await refused('__proto__=a', /there is no filter __proto__/)
    await refused('machine[]=a', /there is no filter machine\[\]/)
  }
  t.strictSame(api.filters, [])
  t.equal(api.listeners.size, 0)
})

t.test('what is not part of the API, and what cannot be read, is a problem document', async (t) => {
  const api = await anApi(t)
  await isProblem(t, api, { url: '/' }, 404, /GET \/ is not part/)
  await isProblem(t, api, { url: '/api/v1/nothing' }, 404, /is not part of the API/)
  await isProblem(t, api, { method: 'DELETE', url: '/api/v1/machines' }, 404, /DELETE/)
  await isProblem(t, api, { method: 'POST', url: '/api/v1/status', payload: '{' }, 404, /POST/)
  await isProblem(t, api, { url: '/api/v1/machines/%zz' }, 400, /Failed to decode param/)
  await isProblem(t, api, { url: '/api/v1/machines/%E0%A4%A' }, 400, /Failed to decode param/)
})

t.test('a fault of the appliance is told to the owner of the box', async (t) => {
  const failing = async () => await Promise.reject(new Error('the store cannot be read'))
  const api = await anApi(t, {
    events: failing,
    retry: failing,
    machines: () => {
      throw new Error('the roster is broken')
    },
  })
  await isProblem(t, api, { url: '/api/v1/events' }, 500, /the store cannot be read/)
  await isProblem(t, api, { method: 'POST', url: '/api/v1/machines/a/retry' }, 500, /the store cannot/)
  await isProblem(t, api, { url: '/api/v1/machines' }, 500, /the roster is broken/)
})

/** Follows the stream; `seen` grows with each event. */
async function follow(t: Test, port: number, query = '', headers: Readonly<Record<string, string>> = {}) {
  const seen: RecordedEvent[] = []
  const asked = request({
    port,
    host: '127.0.0.1',
    path: `/api/v1/events/stream${query}`,
    headers: { ...headers },
    agent: false,
  }).end()
  t.teardown(() => asked.destroy())
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const state = { ended: false, text: '' }
  response.setEncoding('utf8').on('data', (chunk: string) => {
    state.text += chunk
    const blocks = state.text.split('\n\n')
    state.text = blocks.pop() ?? ''
    for (const block of blocks) seen.push(JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as RecordedEvent)
  })
  response.on('error', () => {}).on('close', () => (state.ended = true))
  return { seen, ids: () => seen.map(({ id }) => id), response, state, hangUp: () => asked.destroy() }
}

t.test('a stream gives what is stored, then what happens, none twice and none left out', async (t) => {
  const stored = Promise.withResolvers<readonly RecordedEvent[]>()
  const api = await anApi(t, { events: async () => await stored.promise })
  const { ids, response } = await follow(t, api.port)
  t.match(response.headers, { 'content-type': /^text\/event-stream/, 'cache-control': 'no-store' })
  await until(() => api.listeners.size === 1)
  // While the store is read, two more happen; one of them the store has already.
  api.tell(anEvent(3))
  api.tell(anEvent(4))
  stored.resolve([anEvent(1), anEvent(2), anEvent(3)])
  await until(() => ids().length === 4)
  api.tell(anEvent(4))
  api.tell(anEvent(5))
  await until(() => ids().length === 5)
  t.strictSame(ids(), [1, 2, 3, 4, 5])
})

t.test('a stream with a filter gives only what fits', async (t) => {
  const api = await anApi(t, { events: async () => await Promise.resolve([anEvent(8, 'a')]) })
  const { ids } = await follow(t, api.port, '?machine=a&after=7')
  await until(() => ids().length === 1)
  for (const event of [anEvent(9, 'b'), anEvent(10), anEvent(7, 'a'), anEvent(11, 'a')]) api.tell(event)
  await until(() => ids().length === 2)
  t.strictSame(ids(), [8, 11])
})

t.test('who was cut off goes on after the last event that came', async (t) => {
  const api = await anApi(t)
  for (const [query, id, filter] of [
    ['?limit=50', '7', { limit: 10_000, after: 7 }],
    ['?after=3&machine=a', '7', { limit: 10_000, after: 7, machine: 'a' }],
    ['?limit=50', '', { limit: 50 }],
    ['?limit=50', '7; drop', { limit: 50 }],
  ] as const) {
    const { hangUp } = await follow(t, api.port, query, { 'Last-Event-ID': id })
    t.strictSame(api.filters.at(-1), filter, `${query} ${id}`)
    hangUp()
  }
})

t.test('what the store could not write is told to who listens, though it has no number', async (t) => {
  const api = await anApi(t, { events: async () => await Promise.resolve([anEvent(1)]) })
  const { seen, ids } = await follow(t, api.port)
  await until(() => ids().length === 1)
  for (let count = 0; count < 2; count++) {
    api.tell({ id: 0, at: 5, event: { kind: 'store-failed', because: 'the disk is full' } })
  }
  api.tell(anEvent(2))
  await until(() => ids().length === 4)
  t.strictSame(ids(), [1, 0, 0, 2])
  t.match(seen[1], { event: { kind: 'store-failed' } })
})

t.test('ten thousand stored events reach a listener that reads', async (t) => {
  const long = 'x'.repeat(1_000)
  const stored = Array.from({ length: 10_000 }, (_, index) => anEvent(index + 1, undefined, long))
  const api = await anApi(t, { events: async () => await Promise.resolve(stored) })
  const { ids, state } = await follow(t, api.port, '?limit=10000')
  await until(() => ids().length > 0)
  api.tell(anEvent(10_001))
  await until(() => ids().length === 10_001 || state.ended)
  t.equal(ids().length, 10_001)
  t.equal(ids().at(-1), 10_001)
})

t.test('who does not read is let go, and nobody is kept who has hung up', async (t) => {
  const api = await anApi(t)
  const deaf = await follow(t, api.port)
  const gone = await follow(t, api.port)
  await until(() => api.listeners.size === 2)
  gone.hangUp()
  await until(() => api.listeners.size === 1)
  deaf.response.pause()
  const long = 'x'.repeat(100_000)
  for (let id = 1; id <= 1_000 && api.listeners.size > 0; id++) {
    api.tell(anEvent(id, undefined, long))
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(api.listeners.size, 0)
})

t.test('a stream whose store fails is broken off', async (t) => {
  const api = await anApi(t, { events: async () => await Promise.reject(new Error('the store is broken')) })
  const { state } = await follow(t, api.port)
  await until(() => state.ended)
  await until(() => api.listeners.size === 0)
  t.equal((await api.ask({ url: '/api/v1/status' })).statusCode, 200)
})

t.test('a cluster is made, shown, given out and forgotten, and what is refused is told', async (t) => {
  const { clusters } = aDesk()
  const [lab] = clusters.list()
  const asked: unknown[] = []
  const api = await anApi(t, {
    clusters: {
      ...clusters,
      find: (name) => (name === 'lab' ? lab : undefined),
      make: async (wish) =>
        await Promise.resolve(
          wish.name === 'lab'
            ? { kind: 'refused', because: 'There is a cluster lab already.' }
            : { kind: 'made', summary: lab!, remark: 'It was not reached.' },
        ),
      remove: async (name) =>
        await Promise.resolve(
          name === 'lab' ? { kind: 'refused', because: 'lab has machines' } : { kind: 'unknown' },
        ),
      kubeconfig: async (name, endpoint) => {
        asked.push([name, endpoint])
        return await Promise.resolve(
          name === 'lab' ? { kind: 'text', text: 'kind: Config\n' } : { kind: 'unknown' },
        )
      },
    },
  })
  const post = async (url: string, body: unknown) =>
    await api.ask({ method: 'POST', url, payload: JSON.stringify(body) })
  const made = await post('/api/v1/clusters', { kind: 'managed', name: 'edge' })
  t.equal(made.statusCode, 200)
  t.match(JSON.parse(made.body), { cluster: { name: 'lab' }, remarks: ['It was not reached.'] })
  const again = await post('/api/v1/clusters', { kind: 'managed', name: 'lab' })
  t.match(JSON.parse(again.body), { status: 409, detail: /a cluster lab already/ })

  const given = await post('/api/v1/clusters/lab/kubeconfig', { endpoint: '10.20.0.11' })
  t.match(given, { statusCode: 200, body: 'kind: Config\n' })
  t.match(given.headers, { 'cache-control': 'no-store', 'content-type': /^application\/yaml/ })
  t.equal((await post('/api/v1/clusters/lab/kubeconfig', {})).statusCode, 200)
  t.strictSame(asked, [
    ['lab', '10.20.0.11'],
    ['lab', undefined],
  ])
  t.equal((await api.ask({ url: '/api/v1/clusters/lab/kubeconfig' })).statusCode, 404, 'it is no GET')

  const gone = { status: 404, detail: /no cluster has the name nowhere; `ironwake clusters list`/ }
  t.match(JSON.parse((await api.ask({ url: '/api/v1/clusters/nowhere' })).body), gone)
  t.match(JSON.parse((await post('/api/v1/clusters/nowhere/kubeconfig', {})).body), gone)
  const remove = async (name: string) =>
    JSON.parse((await api.ask({ method: 'DELETE', url: `/api/v1/clusters/${name}` })).body) as unknown
  t.match(await remove('nowhere'), gone)
  t.match(await remove('lab'), { status: 409, detail: 'lab has machines' })
})
