import t, { type Test } from 'tap'
import type { z } from 'zod'
import { mayActAs, roles, type Role } from '../../server/access/role.ts'
import { guardedApiApp, type ApiDesk } from '../../server/http/api-app.ts'
import { apiRoutes, type ApiRoute } from '../../server/http/api-routes.ts'
import { apiSchemas } from '../../server/http/api-schemas.ts'
import type { Door } from '../../server/http/caller.ts'
import { openApiDocument } from '../../server/http/openapi-document.ts'
import { aDesk } from './an-api-desk.ts'
import { overLoopback } from './over-loopback.ts'

const routes = Object.entries(apiRoutes) as [string, ApiRoute][]

/** A door that believes whoever says what role it has. */
const credulous: Door = (request) => {
  const role = roles.find((known) => known === request.get('role'))
  return role === undefined
    ? { kind: 'refused', status: 401, title: 'No token', because: 'nothing was shown' }
    : { kind: 'admitted', caller: { name: 'somebody', role, isStillIn: () => true } }
}

/** A path of the table with something for each of its names. */
function pathOf(route: string): { readonly method: string; readonly url: string } {
  const [method = '', path = ''] = route.split(' ')
  return { method, url: path.replace(':action', 'local').replaceAll(/:[a-z]+/gi, 'M0000001') }
}

async function anApi(t: Test, given: Partial<ApiDesk> = {}) {
  const touched: string[] = []
  const whole = aDesk(given)
  const desk = new Proxy(whole, {
    get(target, key: keyof ApiDesk) {
      touched.push(key)
      return target[key]
    },
  })
  return { touched, ...(await overLoopback(t, guardedApiApp(desk, credulous))) }
}

t.test('every route asks for its least role, and before that nothing is looked at', async (t) => {
  t.ok(routes.length >= 10, `${routes.length} routes`)
  const api = await anApi(t)
  for (const [route, { least, onBox }] of routes) {
    // A stream has no end that could be waited for.
    if (route.endsWith('/stream')) continue
    for (const role of [undefined, ...roles] as readonly (Role | undefined)[]) {
      api.touched.length = 0
      const headers = { ...(role === undefined ? {} : { role }), 'content-type': 'application/json' }
      const { statusCode, headers: told, body } = await api.ask({ ...pathOf(route), headers })
      const who = `${route} as ${role ?? 'nobody'}`
      if (least === 'anyone') t.equal(statusCode, 200, who)
      else if (role === undefined) {
        t.equal(statusCode, 401, who)
        t.equal(told['www-authenticate'], 'Bearer')
        t.equal(told.connection, 'close', 'what else is sent is not waited for')
      } else if (mayActAs(role, least) && onBox === true) {
        t.equal(statusCode, 403, who)
        t.match(JSON.parse(body), { detail: /by the socket file of the box alone$/ })
      } else if (mayActAs(role, least)) t.not(statusCode, 403, who)
      else {
        t.equal(statusCode, 403, who)
        t.match(JSON.parse(body), { detail: `somebody has the role ${role}; this needs ${least}` })
      }
      if (least !== 'anyone' && (role === undefined || !mayActAs(role, least))) {
        const reached = api.touched.filter((part) => part !== 'audit')
        t.strictSame(reached, [], `${who} reaches nothing but the log`)
        t.match(told['content-type'], /^application\/problem\+json/)
      }
    }
  }
})

t.test('reading needs the least role, and no change is a viewer’s', async (t) => {
  for (const [route, { least }] of routes) {
    if (!route.startsWith('GET')) t.ok(least === 'operator' || least === 'admin', route)
  }
})

t.test('what is no route is told only to those who may ask at all', async (t) => {
  const api = await anApi(t)
  t.equal((await api.ask({ url: '/api/v1/nothing' })).statusCode, 401)
  t.equal((await api.ask({ url: '/' })).statusCode, 401)
  t.equal((await api.ask({ url: '/api/v1/nothing', headers: { role: 'viewer' } })).statusCode, 404)
})

t.test('a filter that a route does not know is refused, also where it has none', async (t) => {
  const api = await anApi(t)
  const { statusCode, body } = await api.ask({
    url: '/api/v1/machines?state=failed',
    headers: { role: 'viewer' },
  })
  t.equal(statusCode, 400)
  t.match(JSON.parse(body), { detail: 'there is no filter state; no filter is known here' })
})

t.test('only an admin is told what failed inside', async (t) => {
  const api = await anApi(t, {
    machines: () => {
      throw new Error('/var/lib/ironwake is broken')
    },
  })
  for (const role of roles) {
    const { statusCode, body } = await api.ask({ url: '/api/v1/machines', headers: { role } })
    t.equal(statusCode, 500)
    t.equal(body.includes('/var/lib/ironwake'), role === 'admin', role)
  }
})

t.test('every route is in the document, with its answer, its parameters and what it needs', async (t) => {
  const document = JSON.parse(JSON.stringify(openApiDocument('1.2.3'))) as OpenApi
  t.match(document, { openapi: '3.1.0', info: { version: '1.2.3' } })
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  )
  t.strictSame(described.toSorted(), routes.map(([route]) => route).toSorted())
  const ids = new Set<string>()
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      ids.add(operation.operationId)
      const inPath = operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name)
      t.strictSame(
        inPath,
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        `${method} ${path}`,
      )
      t.ok(operation.responses['200'] ?? operation.responses['204'], `${method} ${path}`)
      t.ok(operation.responses['default'], `${method} ${path}`)
    }
  }
  t.equal(ids.size, routes.length, 'operations are told apart by their ids')
  const parameters = document.paths['/api/v1/events']?.['get']?.parameters.map(({ name }) => name)
  t.strictSame(parameters, ['limit', 'after', 'machine', 'attempt'])
})

t.test(
  'every route that is no GET has an act for the audit log, and says of its body what is recorded',
  async (t) => {
    const document = JSON.parse(JSON.stringify(openApiDocument('0.1.0'))) as OpenApi
    const acting = routes.filter(([route]) => !route.startsWith('GET '))
    t.ok(acting.length >= 13, `${acting.length} routes`)
    for (const [route, { act, onBox, body, recorded = [] }] of acting) {
      t.ok(act ?? onBox, route)
      if (body === undefined) continue
      const schema = JSON.stringify(document.components.schemas[body])
      t.ok(recorded.length > 0, route)
      for (const field of recorded) t.match(schema, `"${field}"`, `${route} has ${field}`)
    }
  },
)

t.test('every reference in the document leads somewhere', async (t) => {
  const document = JSON.parse(JSON.stringify(openApiDocument('0.1.0'))) as OpenApi
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref)
  t.ok(refs.length > 20, `${refs.length} references`)
  for (const ref of new Set(refs)) {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(ref)?.[1] ?? ''
    t.ok(document.components.schemas[name], ref)
  }
})

t.test('what is answered fits its schema, and has nothing that the schema does not know', async (t) => {
  const api = await anApi(t)
  const checked: string[] = []
  for (const [route, { answer }] of routes) {
    if (!Object.hasOwn(apiSchemas, answer) || !route.startsWith('GET ')) continue
    const { statusCode, body } = await api.ask({ ...pathOf(route), headers: { role: 'admin' } })
    t.equal(statusCode, 200, route)
    const schema: z.ZodType = apiSchemas[answer as keyof typeof apiSchemas]
    const told: unknown = JSON.parse(body)
    t.strictSame(schema.parse(told), told, route)
    checked.push(route)
  }
  t.ok(checked.length >= 7, checked.join(', '))
})

type OpenApi = {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly operationId: string
            readonly parameters: readonly { readonly name: string; readonly in: string }[]
            readonly responses: Readonly<Record<string, object>>
          }
        >
      >
    >
  >
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}
