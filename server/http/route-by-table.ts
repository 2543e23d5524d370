import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { z } from 'zod'
import { mayActAs } from '../access/role.ts'
import { apiRoutes, type ApiRoute, type ApiRouteName } from './api-routes.ts'
import { apiSchemas, type ApiSchemas } from './api-schemas.ts'
import { socketFile, type Caller, type Door } from './caller.ts'
import { readQuery, whyNotFit } from './read-query.ts'
import { recordedOrder, recordedText, type AuditDesk } from './audit.ts'
import type { AuditAct } from '../access/audit-chain.ts'
import { sendProblem, whyRefused } from './problem.ts'

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

/** The audit log, and which machine a name means. */
export type RouteAudit = Pick<AuditDesk, 'write' | 'writeRefused'> & {
  readonly machineOf: (name: string) => string | undefined
}

/** A body is a few settings; images do not come this way. */
const usualKiB = 64

/** Adds routes to an app as the table has them: who may not ask, or asks what cannot be read, does not reach the handler. */
export function routeByTable(app: Express, door: Door, audit: RouteAudit): Routes {
  const add =
    (method: Method) =>
    (path: string, answer: (request: never, response: Response, asked: never) => void | Promise<void>) => {
      const route: ApiRoute = apiRoutes[`${method} ${path}` as ApiRouteName]
      const called = answer as (request: Request, response: Response, asked: unknown) => void | Promise<void>
      const handlers = [
        gate(door, route, async (request, caller, because) => {
          const act = actOf(noMachine, { method, path, route, request, caller })
          await audit.writeRefused({ kind: 'refused', ...act, status: 403, because })
        }),
        ...(route.body === undefined ? [] : readBody(route.mostKiB ?? usualKiB)),
        async (request: Request, response: Response) => {
          const read = readAsked(route, request)
          if (read.kind === 'refused')
            sendProblem(response, { status: 400, title: read.title, detail: read.because })
          else {
            const caller = callerOf(request)
            const go = async (): Promise<void> => await called(request, response, { ...read.asked, caller })
            if (route.act === undefined) return await go()
            const act = actOf(audit, { method, path, route, request, caller, body: read.asked.body })
            await onRecord(audit, act, response, go)
          }
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

type Asking = {
  readonly method: Method
  readonly path: string
  readonly route: ApiRoute
  readonly request: Request
  readonly caller: Caller
  readonly body?: unknown
}

/** For whom may not ask nothing is looked up. */
const noMachine = { machineOf: () => undefined }

function actOf(
  audit: Pick<RouteAudit, 'machineOf'>,
  { method, path, route, request, caller, body }: Asking,
): AuditAct {
  const { name, id, ...others } = request.params as Readonly<Record<string, string>>
  const fields = typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
  const inBody = typeof fields['name'] === 'string' ? fields['name'] : undefined
  const on = name ?? id ?? inBody
  const machine = on !== undefined && path.includes('/machines/') ? audit.machineOf(on) : undefined
  const { by } = caller
  return {
    act: route.act ?? `${method} ${path}`,
    who: by === 'local' ? 'local' : caller.name,
    ...(typeof by === 'object' ? { token: by.token } : {}),
    role: caller.role,
    from: request.socket.remoteAddress ?? socketFile,
    ...(on === undefined ? {} : { on: recordedText(on) }),
    ...(machine === undefined ? {} : { machine }),
    ...recordedOrder({ ...fields, ...others }, [...Object.keys(others), ...(route.recorded ?? [])]),
  }
}

/** Does what was asked between two rows of the log: the first is on disk before anything is done, the second says how it ended. */
async function onRecord(
  audit: RouteAudit,
  act: AuditAct,
  response: Response,
  go: () => Promise<void>,
): Promise<void> {
  const begun = await audit.write({ kind: 'begun', ...act })
  const end = async (status: number, because: string | undefined): Promise<void> => {
    const why = because === undefined ? {} : { because: recordedText(because) }
    // The act is done and answered; that it has no end in the log tells that the store failed then.
    await audit.write({ kind: 'ended', begun, status, ...why }).catch(() => {})
  }
  try {
    await go()
  } catch (error) {
    await end(500, 'the appliance failed at it')
    throw error
  }
  await end(response.statusCode, whyRefused(response))
}

type OnWeak = (request: Request, caller: Caller, because: string) => Promise<void>

/** Lets through who may ask, and tells others why not; `onWeak` hears of those who may not with the token that they have. */
export function gate(door: Door, { least, onBox }: Pick<ApiRoute, 'least' | 'onBox'>, onWeak?: OnWeak) {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
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
      await onWeak?.(request, caller, detail)
      return sendProblem(response, { status: 403, title: 'The role does not suffice', detail })
    }
    if (onBox === true && caller.by !== 'local') {
      const detail = `${caller.name} asks over the network; this is asked by the socket file of the box alone`
      await onWeak?.(request, caller, detail)
      return sendProblem(response, { status: 403, title: 'Only on the box itself', detail })
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
