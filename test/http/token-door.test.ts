import t from 'tap'
import { mayActAs, roles } from '../../server/access/role.ts'
import { apiRoutes, type ApiRoute } from '../../server/http/api-routes.ts'
import { aDesk } from './an-api-desk.ts'
import { anHttpsApi, bearer } from './an-https-api.ts'

const routes = Object.entries(apiRoutes) as [string, ApiRoute][]

t.test('every route, over TLS, for every role and for tokens that let in no longer', async (t) => {
  const api = await anHttpsApi(t)
  const good = new Map<string, string>()
  for (const role of roles) good.set(role, await api.token(role))
  const revoked = await api.token('admin')
  await api.tokens.revoke(revoked.slice(3, 11))
  const expired = await api.token('admin', 60)
  api.clock.now += 61_000
  let walked = 0
  for (const [route, { least, onBox }] of routes) {
    if (route.endsWith('/stream')) continue
    const [method = '', template = ''] = route.split(' ')
    const path = template.replace(':action', 'local').replaceAll(/:[a-z]+/gi, 'M0000001')
    const status = async (headers: Readonly<Record<string, string>>) =>
      (await api.ask({ method, path, headers })).status
    for (const [who, headers] of [
      ['nobody', {}],
      ['who holds one that was revoked', bearer(revoked)],
      ['who holds one that ended', bearer(expired)],
      ['a machine', bearer(`iwm_${'A'.repeat(43)}`)],
    ] as const) {
      t.equal(await status(headers), least === 'anyone' ? 200 : 401, `${route} for ${who}`)
    }
    for (const role of roles) {
      const told = await status(bearer(good.get(role) ?? ''))
      if (least === 'anyone' || (mayActAs(role, least) && onBox !== true))
        t.not([401, 403].includes(told), true, `${route} for ${role}`)
      else t.equal(told, 403, `${route} for ${role}`)
      walked++
    }
  }
  t.ok(walked >= 40, `${walked} were walked`)
})

t.test('who is not let in is told why, and the event holds no secret', async (t) => {
  const api = await anHttpsApi(t)
  const token = await api.token('admin', 60)
  const secret = token.slice(-64)
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, number, RegExp])[] = [
    ['/api/v1/status', {}, 401, /no token was shown/],
    ['/api/v1/status', { Authorization: `Basic ${token}` }, 401, /not “Bearer iw_…”/],
    ['/api/v1/status', { Authorization: 'Bearer hunter2-secret' }, 401, /not the form of a token/],
    ['/api/v1/status', bearer(`${token.slice(0, -64)}${'0'.repeat(64)}`), 401, /no such token/],
    [`/api/v1/status?token=${token}`, bearer(token), 400, /must not stand in a URL/],
    [`/api/v1/status?access_token=x`, bearer(token), 400, /must not stand in a URL/],
    [`/api/v1/machines/${token}`, bearer(token), 400, /must not stand in a URL/],
    [`/api/v1/machines/iw%5F${token.slice(3)}`, bearer(token), 400, /must not stand in a URL/],
  ]
  for (const [path, headers, status, told] of cases) {
    const answer = await api.ask({ path, headers })
    t.equal(answer.status, status, path)
    t.match(answer.headers, { 'content-type': /^application\/problem\+json/, connection: 'close' })
    const { detail } = JSON.parse(answer.body) as { detail: string }
    t.match(detail, told)
    t.match(api.happened.at(-1), { kind: 'api-refused', from: '127.0.0.1', because: told })
    t.notOk((answer.body + JSON.stringify(api.happened)).includes(secret), 'the secret is not repeated')
    t.notOk((answer.body + JSON.stringify(api.happened)).includes('hunter2'))
  }
})

t.test('who tries again and again is told no more, and a good token is let in from there', async (t) => {
  let left = 3
  const api = await anHttpsApi(t, {}, () => ({ passes: left-- > 0, heldBack: left === 0 ? 40 : 0 }))
  const token = await api.token('viewer')
  for (const status of [401, 401, 401, 429, 429]) {
    const answer = await api.ask({ path: '/api/v1/status' })
    t.equal(answer.status, status)
    if (status === 429) t.equal(answer.headers['retry-after'], '60')
  }
  t.equal(api.happened.length, 3, 'and no events are made of it')
  t.match(api.happened, [{ heldBack: undefined }, {}, { heldBack: 40 }], 'but the next one counts them')
  t.equal((await api.ask({ path: '/api/v1/status', headers: bearer(token) })).status, 200)
})

t.test('a body is read by its schema, and what does not fit is told', async (t) => {
  const wishes: unknown[] = []
  const api = await anHttpsApi(t, {
    tokens: {
      list: () => [],
      make: async (wish) => {
        wishes.push(wish)
        return await Promise.resolve({ kind: 'refused', because: 'not here' })
      },
      revoke: async () => await Promise.resolve({ kind: 'done' }),
    },
  })
  const headers = { ...bearer(await api.token('admin')), 'Content-Type': 'application/json' }
  const post = async (body: string) =>
    await api.ask({ method: 'POST', path: '/api/v1/tokens', headers, body })
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['{', 400, /JSON/],
    ['', 400, /name/],
    ['[]', 400, /./],
    ['{"name":"a b","role":"viewer"}', 400, /name has letters/],
    ['{"name":"a","role":"root"}', 400, /role: /],
    ['{"name":"a","role":"viewer","seconds":5}', 400, /seconds: /],
    ['{"name":"a","role":"viewer","admin":true}', 400, /admin/],
    [JSON.stringify({ name: 'a'.repeat(70_000) }), 413, /at most 64 KiB/],
  ]
  for (const [body, status, told] of cases) {
    const answer = await post(body)
    t.equal(answer.status, status, body.slice(0, 50))
    t.match(JSON.parse(answer.body), { status, detail: told }, body.slice(0, 50))
  }
  t.strictSame(wishes, [])
  t.equal((await post('{"name":"a","role":"viewer"}')).status, 409)
  t.match(wishes, [{ name: 'a', role: 'viewer', seconds: 90 * 86_400, by: /^the token t/ }])
})

t.test('only where a kubeconfig is taken in may a body be long', async (t) => {
  const wishes: unknown[] = []
  const { clusters } = aDesk()
  const make: typeof clusters.make = async (wish) => {
    wishes.push(wish)
    return await Promise.resolve({ kind: 'refused', because: 'not here' })
  }
  const api = await anHttpsApi(t, { clusters: { ...clusters, make } })
  const headers = bearer(await api.token('admin'))
  const post = async (path: string, body: unknown) =>
    await api.ask({ method: 'POST', path, headers, body: JSON.stringify(body) })
  const external = { kind: 'external', name: 'prod', kubeconfig: 'x'.repeat(1024 * 1024) }
  t.match(await post('/api/v1/clusters', external), { status: 409 })
  t.strictSame(wishes, [external])
  const longer = { ...external, kubeconfig: `${external.kubeconfig}x` }
  t.match(await post('/api/v1/clusters', longer), { status: 400, body: /kubeconfig: / })
  const far = { ...external, kubeconfig: external.kubeconfig.repeat(3) }
  t.match(await post('/api/v1/clusters', far), { status: 413, body: /at most 2 MiB/ })
  for (const path of ['/api/v1/clusters/lab/kubeconfig', '/api/v1/tokens'])
    t.match(await post(path, { endpoint: 'x'.repeat(70_000) }), { status: 413, body: /at most 64 KiB/ }, path)
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /kind/],
    [[], /./],
    [{ kind: 'managed' }, /name: /],
    [{ kind: 'managed', name: 'lab', colour: 'red' }, /colour/],
    [{ kind: 'managed', name: 'lab', vip: 5 }, /vip: /],
    [{ kind: 'external', name: 'prod' }, /kubeconfig: /],
    [{ kind: 'managed', name: 'prod', kubeconfig: 'x' }, /kubeconfig/],
    [{ kind: 'borrowed', name: 'lab' }, /kind: /],
  ]
  for (const [body, detail] of cases) {
    const answer = await post('/api/v1/clusters', body)
    t.match(JSON.parse(answer.body), { status: 400, detail }, JSON.stringify(body))
  }
  t.equal(wishes.length, 1, 'what does not fit reaches nobody')
})
