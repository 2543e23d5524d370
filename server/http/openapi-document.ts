import { z } from 'zod'
import { apiRoutes, type ApiRoute } from './api-routes.ts'
import { apiSchemas, type ApiSchemas } from './api-schemas.ts'

/** The API as an OpenAPI 3.1 document, made from the table of routes and the schemas that check what goes over it. */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, route] of Object.entries(apiRoutes)) {
    const [method = '', path = ''] = name.split(' ')
    const written = path.replaceAll(/:([a-z]+)/gi, '{$1}')
    paths[written] = { ...paths[written], [method.toLowerCase()]: operationOf(method, path, route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ironwake',
      version,
      description: 'The API of one Ironwake box. Errors are problem documents (RFC 9457).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API token (ironwake tokens create). The socket file of the box needs none.',
        },
      },
    },
  }
}

function operationOf(method: string, path: string, route: ApiRoute): object {
  const { least, about, query, body, mostKiB, answer, onBox } = route
  const names = [...path.matchAll(/:([a-z]+)/gi)].map(([, name = '']) => name)
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  const needed = least === 'anyone' ? 'It needs no token.' : `It needs the role ${least}.`
  const problem = {
    description: 'What was asked cannot be done, and why.',
    content: { 'application/problem+json': { schema: refTo('Problem') } },
  }
  return {
    operationId: operationIdOf(method, path),
    description: onBox === true ? `${about} Only by the socket file of the box.` : `${about} ${needed}`,
    security: least === 'anyone' ? [] : [{ token: [] }],
    parameters: [...inPath, ...(query === undefined ? [] : parametersOf(query))],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            ...(mostKiB === undefined ? {} : { description: `At most ${mostKiB} KiB.` }),
            required: true,
            content: { 'application/json': { schema: refTo(body) } },
          },
        }),
    responses: { ...answerOf(answer), default: problem },
  }
}

function answerOf(answer: ApiRoute['answer']): object {
  if (answer === 'nothing') return { 204: { description: 'It is done.' } }
  const isSchema = Object.hasOwn(apiSchemas, answer)
  const content = isSchema
    ? { 'application/json': { schema: refTo(answer) } }
    : { [answer]: { schema: { type: 'string' } } }
  return { 200: { description: 'What was asked for.', content } }
}

/** `PUT /api/v1/machines/:name/boot-next/:action` is `putMachinesNameBootNextAction`. */
function operationIdOf(method: string, path: string): string {
  const words = path
    .replace('/api/v1/', '')
    .split(/[^a-z0-9]+/i)
    .filter((word) => word !== '')
  return method.toLowerCase() + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('')
}

function parametersOf(name: keyof ApiSchemas): readonly object[] {
  const schema = z.toJSONSchema(apiSchemas[name], { io: 'input' })
  return Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const { description, ...rest } = typeof value === 'object' ? value : {}
    const required = schema.required?.includes(key) === true
    return {
      name: key,
      in: 'query',
      required,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    }
  })
}

function componentSchemas(): object {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(apiSchemas)) registry.add(schema, { id })
  // As input: what a later version adds to an answer is no fault to who reads it.
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: (id) => `#/components/schemas/${id}` })
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema, $id, ...schema }]) => {
      void [$schema, $id]
      return [id, schema]
    }),
  )
}

function refTo(name: string): object {
  return { $ref: `#/components/schemas/${name}` }
}
