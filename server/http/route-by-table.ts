import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { z } from 'zod'
import { mayActAs, type Role } from '../access/role.ts'
import { apiRoutes, type ApiRoute, type ApiRouteName } from './api-routes.ts'
import { apiSchemas, type ApiSchemas } from './api-schemas.ts'
import type { Caller, Door } from './caller.ts'
import { readQuery, whyNotFit } from './read-query.ts'
import { sendProblem } from './problem.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

type PathOf<M extends Method> = ApiRouteName extends infer Name
  ? Name extends `${M} ${infer Path}`
    ? Path
    : never
  : never

/** The parts of a path that are asked by name. */
type Params<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [key in Name]: string } & Params<Rest>
  : Path extends `${string}:${infer Name}`
    ? { readonly [key in Name]: string }
    : object

type Read<Route, Part extends 'query' | 'body'> =
  Route extends Readonly<Record<Part, infer Name extends keyof ApiSchemas>>
    ? z.output<ApiSchemas[Name]>
    : undefined

/** What was asked, read by the schemas of its route, and who asks. */
type Asked<Route> = {
  readonly caller: Caller
  readonly query: Read<Route, 'query'>
  readonly body: Read<Route, 'body'>
}

type Answer<Name, Path extends string> = (
  request: Request<Params<Path>>,
  response: Response,
  asked: Asked<Name extends ApiRouteName ? (typeof apiRoutes)[Name] : never>,
) => void | Promise<void>

type Add<M extends Method> = <Path extends PathOf<M> & string>(
  path: Path,
  answer: Answer<`${M} ${Path}`, Path>,
) => void

export type Routes = {
  readonly get: Add<'GET'>
  readonly post: Add<'POST'>
  readonly put: Add<'PUT'>
  readonly delete: Add<'DELETE'>
}

/** A body is a few settings; images do not come this way. */
const usualKiB = 64

/** Adds routes to an app as the table has them: who may not ask, or asks what cannot be read, does not reach the handler. */
export function routeByTable(app: Express, door: Door): Routes {
  const add =
    (method: Method) =>
    (path: string, answer: (request: never, response: Response, asked: never) => void | Promise<void>) => {
      const route: ApiRoute = apiRoutes[`${method} ${path}` as ApiRouteName]
      const called = answer as (request: Request, response: Response, asked: unknown) => void | Promise<void>
      const handlers = [
        gate(door, route.least),
        ...(route.body === undefined ? [] : readBody(route.mostKiB ?? usualKiB)),
        async (request: Request, response: Response) => {
          const read = readAsked(route, request)
          if (read.kind === 'refused')
            sendProblem(response, { status: 400, title: read.title, detail: read.because })
          else await called(request, response, { ...read.asked, caller: callerOf(request) })
        },
      ]
      switch (method) {
        case 'GET':
          return void app.get(path, ...handlers)
        case 'POST':
          return void app.post(path, ...handlers)
        case 'PUT':
          return void app.put(path, ...handlers)
        case 'DELETE':
          return void app.delete(path, ...handlers)
      }
    }
  return {
    get: add('GET') as Add<'GET'>,
    post: add('POST') as Add<'POST'>,
    put: add('PUT') as Add<'PUT'>,
    delete: add('DELETE') as Add<'DELETE'>,
  }
}

const nobody: Caller = { name: 'anyone', role: 'viewer', isStillIn: () => true }
const callers = new WeakMap<Request, Caller>()

export function callerOf(request: Request): Caller {
  return callers.get(request) ?? nobody
}

/** Lets through who may ask, and tells others why not. */
export function gate(door: Door, least: Role | 'anyone') {
  return (request: Request, response: Response, next: NextFunction): void => {
    if (least === 'anyone') return next()
    const admission = door(request)
    if (admission.kind === 'refused') {
      const { status, title, because } = admission
      // What else the peer sends is not waited for.
      response.set('Connection', 'close')
      if (status === 401) response.set('WWW-Authenticate', 'Bearer')
      if (status === 429) response.set('Retry-After', '60')
      return sendProblem(response, { status, title, detail: because })
    }
    const { caller } = admission
    if (!mayActAs(caller.role, least)) {
      const detail = `${caller.name} has the role ${caller.role}; this needs ${least}`
      return sendProblem(response, { status: 403, title: 'The role does not suffice', detail })
    }
    callers.set(request, caller)
    next()
  }
}

/** That it is too long is told before it is read: express reads to its end what is too long, for as long as that takes. */
function readBody(mostKiB: number): readonly RequestHandler[] {
  const limit = mostKiB * 1024
  const refuseLong: RequestHandler = (request, response, next) => {
    if (Number(request.get('Content-Length') ?? 0) <= limit) return next()
    response.set('Connection', 'close')
    const most = mostKiB < 1024 ? `${mostKiB} KiB` : `${mostKiB / 1024} MiB`
    sendProblem(response, {
      status: 413,
      title: 'The body is too large',
      detail: `it is too large: what is asked here has at most ${most}`,
    })
  }
  // Whatever it calls itself: a body that is left unread would be one that asks for nothing in particular.
  return [refuseLong, express.json({ limit, inflate: false, type: () => true })]
}

type ReadAsked =
  | { readonly kind: 'asked'; readonly asked: { readonly query: unknown; readonly body: unknown } }
  | { readonly kind: 'refused'; readonly title: string; readonly because: string }

function readAsked(route: ApiRoute, request: Request): ReadAsked {
  const query = readQuery(route.query === undefined ? undefined : apiSchemas[route.query], request.query)
  if (query.kind === 'refused') return { kind: 'refused', title: 'No such selection', because: query.because }
  if (route.body === undefined) return { kind: 'asked', asked: { query: query.query, body: undefined } }
  const body = apiSchemas[route.body].safeParse(request.body ?? {})
  if (body.success) return { kind: 'asked', asked: { query: query.query, body: body.data } }
  return { kind: 'refused', title: 'The body does not fit', because: whyNotFit(body.error) }
}
