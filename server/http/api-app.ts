import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { z } from 'zod'
import type { ApiToken } from '../access/api-token.ts'
import { mayActAs } from '../access/role.ts'
import type { MadeToken, TokenWish } from '../access/token-book.ts'
import type { Diagnosis } from '../boot/doctor.ts'
import type { RecordedEvent } from '../events/event.ts'
import { bootNextActions, type BootNextAction } from '../machines/boot-next.ts'
import { parseClaimCode } from '../machines/claim-code.ts'
import type { FailureCause } from '../machines/failure-causes.ts'
import type { Identity } from '../machines/identity-tier.ts'
import type { JoinRefusal } from '../machines/join-refusals.ts'
import type { DiskIdentity } from '../machines/disk-guard.ts'
import type { JoinWish } from '../machines/join-wish.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import type { Lease } from '../networks/lease.ts'
import { printable } from '../wire/text.ts'
import type { ApiSchemas } from './api-schemas.ts'
import type { AuditDesk } from './audit.ts'
import type { BootPlan } from './boot-plan.ts'
import { addClusterRoutes, type ClusterDesk } from './cluster-routes.ts'
import type { PowerDesk, Powered } from './power-desk.ts'
import { ownersDoor, socketFile, type Caller, type Door } from './caller.ts'
import { beginImageAct, endImageAct } from './image-acts.ts'
import { machineListJson } from './machine-list-json.ts'
import { openApiDocument } from './openapi-document.ts'
import { sendProblem } from './problem.ts'
import { callerOf, gate, routeByTable } from './route-by-table.ts'

/** What a person says who approves a machine. */
export type ApprovalOrder = z.output<ApiSchemas['ApprovalOrder']>

type AskedEvents = z.output<ApiSchemas['EventFilter']>

export type EventFilter = {
  readonly machine?: string
  readonly attempt?: string
  /** Only events with a greater identifier. */
  readonly after?: number
  /** At most this many, the newest ones, oldest first. */
  readonly limit: number
}

/** What the API can be asked. The appliance gives it. */
export type ApiDesk = {
  readonly status: () => ApplianceStatus
  readonly machines: () => readonly MachineSummary[]
  /** Found by identifier, MAC address, host name or claim code; several when a host name fits several. */
  readonly find: (name: string) => readonly MachineSummary[]
  /** What machine was probably meant by a name that none has. */
  readonly meant: (name: string) => string | undefined
  /** How the latest boot of a machine stands, and what to do. */
  readonly diagnose: (machine: Machine) => Promise<Diagnosis>
  /** A pcap file of what a machine and the box said on the DHCP port; `undefined` when nothing is held of it. */
  readonly capture: (machine: Machine) => Uint8Array | undefined
  readonly events: (filter: EventFilter) => Promise<readonly RecordedEvent[]>
  readonly subscribe: (listener: (event: RecordedEvent) => void) => () => void
  /** The certificate of the box's authority, as PEM; `undefined` where there is none that can be used. */
  readonly authority: () => string | undefined
  readonly tokens: TokenDesk
  readonly retry: (machine: string) => Promise<Approved>
  /** What it would be given if it asked now, why, and what of that has changed. */
  readonly plan: (machine: Machine) => Promise<Planned>
  /** A person approves a machine, in place of an approval from before, or takes that back. */
  readonly approve: (machine: Machine, order: ApprovalOrder) => Promise<Approved>
  readonly unapprove: (machine: Machine) => Promise<Approved>
  /** Its disk is written once more, that this box wrote before. */
  readonly reinstall: (machine: Machine, wish: { readonly mode: 'orderly' | 'force' }) => Promise<Approved>
  /** A person lets it go from its cluster; it goes on by itself. */
  readonly release: (
    machine: Machine,
    wish: { readonly next: 'approved' | 'retired'; readonly mode: 'orderly' | 'force' },
  ) => Promise<Approved>
  /** What a machine does at its next boot, once; `undefined` takes back what was wanted. */
  readonly bootNext: (machine: Machine, action: BootNextAction | undefined) => Promise<Done>
  readonly power: PowerDesk
  readonly clusters: ClusterDesk
  readonly audit: AuditDesk
}

export type TokenDesk = {
  readonly list: () => readonly ApiToken[]
  readonly make: (wish: TokenWish) => Promise<MadeToken>
  readonly revoke: (name: string, by: string) => Promise<Done>
}

export type Done = { readonly kind: 'done' } | { readonly kind: 'refused'; readonly because: string }

export type Planned =
  (Done & { readonly kind: 'refused' }) | { readonly kind: 'planned'; readonly plan: BootPlan }

/** `remarks`: what else the person should know. */
export type Approved =
  (Done & { readonly kind: 'refused' }) | { readonly kind: 'done'; readonly remarks: readonly string[] }

export type ApplianceStatus = {
  readonly version: string
  readonly startedAt: number
  readonly networks: readonly {
    readonly name: string
    readonly interface: string
    readonly mode: string
    readonly serverAddress: string
    readonly problem?: string
  }[]
  readonly jobs: readonly JobStatus[]
}

/** How a job of the schedule stands; times in milliseconds since 1970-01-01 UTC. */
export type JobStatus = {
  readonly name: string
  /** As cron has it. */
  readonly when: string
  readonly running: boolean
  readonly last:
    | {
        readonly startedAt: number
        readonly endedAt?: number
        readonly outcome?: string
        readonly failed?: boolean
      }
    | undefined
  readonly nextAt: number | undefined
}

export type MachineSummary = {
  readonly machine: Machine
  readonly attempt: Attempt | undefined
  readonly lease: Lease | undefined
  /** By what it is tied to its record; `tooWeak`: why that is not enough to enter the cluster it is for. */
  readonly identity: Identity & { readonly tooWeak?: string }
  /** Why its latest boot failed, explained; absent unless it is failed, or quarantined by that. */
  readonly failure?: Failure
  /** Why it is not let into its cluster as it is, explained; absent unless it is refused. */
  readonly joinRefused?: JoinRefused
  /** The cluster that it is, or is to become, a node of; absent, of none. */
  readonly join?: JoinWish
  readonly disk?: MachineDisk
  /** Why the system on its disk is not known any more, and what helps; absent, it is, or needs no credential. */
  readonly credentialLost?: { readonly because: string; readonly nextStep: string }
}

/** `written`: by this box. `wanted`: which one it is to write, in the words of whoever names it. */
export type MachineDisk = { readonly written?: DiskIdentity; readonly wanted?: string }

export type JoinRefused = {
  readonly refusal: JoinRefusal
  readonly meaning: string
  readonly nextStep: string
}

export type Failure = { readonly cause: FailureCause; readonly meaning: string; readonly nextStep: string }

const mostEvents = 10_000

/** The API, for the owner of the box: to be served on a socket that nobody else can open. */
export function apiApp(desk: ApiDesk): Express {
  return guardedApiApp(desk, ownersDoor)
}

/**
 * The API, for those whom the door lets in. `api-routes.ts` says who may ask what; `node` has what the machines ask, with a door of
 * its own.
 */
export function guardedApiApp(desk: ApiDesk, door: Door, node?: RequestHandler): Express {
  const all = express()
  all.disable('x-powered-by')
  all.set('query parser', 'simple')
  if (node !== undefined) all.use('/api/v1/node', node)
  const app = routeByTable(all, door, {
    write: async (entry) => await desk.audit.write(entry),
    writeRefused: async (entry) => await desk.audit.writeRefused(entry),
    machineOf(name) {
      const [one, ...others] = desk.find(name)
      return others.length === 0 ? one?.machine.id : undefined
    },
  })
  app.get('/api/v1/health', (_request, response) => {
    response.json({ status: 'up' })
  })
  app.get('/api/v1/openapi.json', (_request, response) => {
    response.json(openApiDocument(desk.status().version))
  })
  app.get('/api/v1/authority.pem', (_request, response) => {
    const pem = desk.authority()
    if (pem === undefined)
      problem(response, 404, 'No authority', 'this box has no authority that can be used')
    else response.type('application/pem-certificate-chain').send(pem)
  })
  app.get('/api/v1/tokens', (_request, response) => {
    response.json(desk.tokens.list().map(withoutHash))
  })
  app.post('/api/v1/tokens', async (_request, response, { body, caller }) => {
    const made = await desk.tokens.make({ ...body, by: caller.name })
    if (made.kind === 'refused') problem(response, 409, 'No such token can be made', made.because)
    else response.set('Cache-Control', 'no-store').json({ token: withoutHash(made.token), text: made.text })
  })
  app.delete('/api/v1/tokens/:name', async (request, response, { caller }) => {
    done(response, 'Nothing to revoke', await desk.tokens.revoke(request.params.name, caller.name))
  })
  app.get('/api/v1/status', (_request, response) => {
    response.json(desk.status())
  })
  app.get('/api/v1/machines', (_request, response) => {
    response.type('application/json').send(machineListJson(desk.machines()))
  })
  app.get('/api/v1/machines/:name', (request, response) => {
    const found = theOne(desk, request.params.name, response)
    if (found !== undefined) response.json(found)
  })
  app.get('/api/v1/machines/:name/diagnosis', async (request, response) => {
    const found = theOne(desk, request.params.name, response)
    if (found !== undefined) response.json(await desk.diagnose(found.machine))
  })
  app.get('/api/v1/machines/:name/plan', async (request, response) => {
    const found = theOne(desk, request.params.name, response)
    if (found === undefined) return
    const planned = await desk.plan(found.machine)
    if (planned.kind === 'planned') response.json(planned.plan)
    else problem(response, 409, 'Nothing to plan', planned.because)
  })
  app.get('/api/v1/machines/:name/capture', (request, response) => {
    const found = theOne(desk, request.params.name, response)
    if (found === undefined) return
    const pcap = desk.capture(found.machine)
    if (pcap === undefined) {
      const because = `nothing that ${found.machine.id} said on the DHCP port is in memory; it is kept until the appliance stops`
      problem(response, 404, 'No frames', because)
      return
    }
    response.type('application/vnd.tcpdump.pcap').send(Buffer.from(pcap))
  })
  app.post('/api/v1/machines/:id/retry', async (request, response) => {
    const { id } = request.params
    approved(desk, id, response, await desk.retry(id), 'Nothing to retry')
  })
  app.put('/api/v1/machines/:name/approval', async (request, response, { body }) => {
    const { name } = request.params
    const found = theOne(desk, name, response)
    if (found === undefined) return
    // Who names a machine by the code on its screen has read it there.
    const claim = body.claim ?? (parseClaimCode(name) === found.machine.claim ? name : undefined)
    const order = claim === undefined ? body : { ...body, claim }
    approved(desk, found.machine.id, response, await desk.approve(found.machine, order))
  })
  app.delete('/api/v1/machines/:name/approval', async (request, response) => {
    const found = theOne(desk, request.params.name, response)
    if (found !== undefined) approved(desk, found.machine.id, response, await desk.unapprove(found.machine))
  })
  app.post('/api/v1/machines/:name/release', async (request, response, { body }) => {
    const found = theOne(desk, request.params.name, response)
    if (found === undefined) return
    const { next = 'approved', mode = 'orderly' } = body
    const outcome = await desk.release(found.machine, { next, mode })
    approved(desk, found.machine.id, response, outcome, 'It cannot be released')
  })
  app.post('/api/v1/machines/:name/reinstall', async (request, response, { body }) => {
    const found = theOne(desk, request.params.name, response)
    if (found === undefined) return
    const { mode = 'orderly' } = body
    const outcome = await desk.reinstall(found.machine, { mode })
    approved(desk, found.machine.id, response, outcome, 'It cannot be installed again')
  })
  app.put('/api/v1/machines/:name/boot-next/:action', async (request, response) => {
    const { name, action: wanted } = request.params
    const action = bootNextActions.find((known) => known === wanted)
    const found = theOne(desk, name, response)
    if (found === undefined) return
    if (action === undefined) {
      const because = `${wanted} is nothing a machine can boot; there are ${bootNextActions.join(', ')}`
      problem(response, 400, 'No such boot', because)
      return
    }
    done(response, 'It cannot boot that', await desk.bootNext(found.machine, action))
  })
  app.delete('/api/v1/machines/:name/boot-next', async (request, response) => {
    const found = theOne(desk, request.params.name, response)
    if (found !== undefined)
      done(response, 'Nothing to take back', await desk.bootNext(found.machine, undefined))
  })
  app.get('/api/v1/machines/:name/power', async (request, response) => {
    const found = theOne(desk, request.params.name, response)
    if (found !== undefined) powered(response, found.machine, await desk.power.state(found.machine))
  })
  app.post('/api/v1/machines/:name/power', async (request, response, { body }) => {
    const found = theOne(desk, request.params.name, response)
    if (found === undefined) return
    const { action, boot } = body
    const order = { action, ...(boot === undefined ? {} : { boot }) }
    powered(response, found.machine, await desk.power.turn(found.machine, order))
  })
  app.get('/api/v1/events', async (_request, response, { query }) => {
    response.json(await desk.events(filterOf(query)))
  })
  app.get('/api/v1/events/stream', async (request, response, { query, caller }) => {
    const resumed = resumedAt(request.get('Last-Event-ID'))
    const filter = filterOf(resumed === undefined ? query : { ...query, after: resumed, limit: mostEvents })
    await stream(desk, { filter, caller }, response)
  })
  app.get('/api/v1/audit', async (_request, response, { query: { after, limit = 1000 } }) => {
    const wanted = { limit: Math.min(limit, 1000), ...(after === undefined ? {} : { after }) }
    response.json(await desk.audit.rows(wanted))
  })
  app.get('/api/v1/audit/head', async (_request, response) => {
    response.json(await desk.audit.head())
  })
  app.post('/api/v1/image-acts', async (_request, response, { body }) => {
    response.json({ begun: await beginImageAct(desk.audit, body, socketFile) })
  })
  app.post('/api/v1/image-acts/:begun/end', async (request, response, { body }) => {
    const outcome = await endImageAct(desk.audit, Number(request.params.begun), body)
    done(response, 'No such act', outcome)
  })
  addClusterRoutes(app, desk)
  all.use(gate(door, { least: 'viewer' }), (request, response) => {
    problem(response, 404, 'No such resource', `${request.method} ${request.path} is not part of the API`)
  })
  all.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    failed(request, response, error)
  })
  return all
}

/** A hash is of no use to those who read it, and belongs in no log. */
function withoutHash({ hash, ...token }: ApiToken): Omit<ApiToken, 'hash'> {
  void hash
  return token
}

function done(response: Response, title: string, outcome: Done): void {
  if (outcome.kind === 'refused') problem(response, 409, title, outcome.because)
  else response.status(204).end()
}

function powered(response: Response, { id }: Machine, outcome: Powered): void {
  if (outcome.kind === 'refused') {
    problem(response, 409, 'Its power does not do that', outcome.because)
    return
  }
  const { way, state, remarks } = outcome
  response.json({ machine: id, way, state, remarks })
}

function approved(
  desk: ApiDesk,
  id: string,
  response: Response,
  outcome: Approved,
  title = 'It cannot be approved so',
): void {
  if (outcome.kind === 'refused') {
    problem(response, 409, title, outcome.because)
    return
  }
  const [summary] = desk.find(id)
  response.json({ ...summary, remarks: outcome.remarks })
}

/** What helps who named a machine that is not there. */
function meantMachine(desk: ApiDesk, name: string): string {
  const near = desk.meant(name)
  return near === undefined ? '`ironwake machines list` tells which there are' : `did you mean ${near}?`
}

/** The machine of this name; when there is none, or more than one, the response says so. */
function theOne(desk: ApiDesk, name: string, response: Response): MachineSummary | undefined {
  const found = desk.find(name)
  const [summary, ...others] = found
  if (summary === undefined) {
    problem(
      response,
      404,
      'No such machine',
      `no machine has the identifier, MAC, name or claim code ${printable(name, 60)}; ${meantMachine(desk, name)}`,
    )
    return undefined
  }
  if (others.length === 0) return summary
  const which = found.map(({ machine }) => machine.id).join(', ')
  problem(response, 409, 'More than one machine', `${name} is the name of several: ${which}`)
  return undefined
}

/** An admin is told in full what went wrong; others learn that it did. */
function failed(request: Request, response: Response, error: unknown): void {
  const detail = error instanceof Error ? error.message : String(error)
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  if (response.headersSent) response.destroy()
  else if (status === 400) problem(response, 400, 'The request cannot be understood', detail)
  else if (status === 413) problem(response, 413, 'The body is too large', detail)
  else if (status === 415)
    problem(response, 415, 'The body cannot be read', `${detail}; send JSON in UTF-8, not packed`)
  else if (mayActAs(callerOf(request).role, 'admin'))
    problem(response, isFull(error) ? 507 : 500, 'The appliance failed at this request', detail)
  else
    problem(
      response,
      500,
      'The appliance failed at this request',
      'an admin who asks the same is told the reason',
    )
}

/** The disk of the store has no room. */
function isFull(error: unknown): boolean {
  return error instanceof Error && error.name === 'StoreFault' && 'kind' in error && error.kind === 'full'
}

function problem(response: Response, status: number, title: string, detail: string): void {
  sendProblem(response, { status, title, detail })
}

/** More unsent events than this mean that the listener does not read; it is let go and may come again. */
const unsentLimitBytes = 4 * 1024 * 1024

/** A proxy lets go of a line that is silent for a minute, and a peer that is gone is found out by writing to it. */
const heartbeatMs = 15_000

type Following = { readonly filter: EventFilter; readonly caller: Caller }

/** Server-sent events: first what is stored, then each as it happens, none twice and none left out. */
async function stream(desk: ApiDesk, { filter, caller }: Following, response: Response): Promise<void> {
  response.type('text/event-stream').set('Cache-Control', 'no-store').flushHeaders()
  let sent = filter.after ?? 0
  const early: RecordedEvent[] = []
  let live = false
  const send = (event: RecordedEvent): void => {
    if (!matches(event, filter) || isSent(event, sent)) return
    sent = Math.max(sent, event.id)
    response.write(`${event.id === 0 ? '' : `id: ${event.id}\n`}data: ${JSON.stringify(event)}\n\n`)
  }
  const end = desk.subscribe((event) => {
    if (live) send(event)
    else early.push(event)
    if (response.writableLength > unsentLimitBytes || early.length > mostEvents) response.destroy()
  })
  const beat = setInterval(() => {
    // A token may be revoked, or end, while its stream goes on.
    if (caller.isStillIn()) response.write(': still here\n\n')
    else response.end()
  }, heartbeatMs)
  response.once('close', () => {
    clearInterval(beat)
    end()
  })
  for (const event of await desk.events(filter)) {
    send(event)
    // Ten thousand events are more than may lie unsent; they go as fast as they are read.
    if (response.writableNeedDrain) await drained(response)
    if (response.destroyed) return
  }
  for (const event of early) send(event)
  live = true
}

/** What the store could not write has no number, and was not sent before. */
function isSent(event: RecordedEvent, sent: number): boolean {
  return event.id !== 0 && event.id <= sent
}

async function drained(response: Response): Promise<void> {
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      response.off('drain', goOn).off('close', goOn)
      resolve()
    }
    response.on('drain', goOn).on('close', goOn)
  })
}

function matches(event: RecordedEvent, filter: EventFilter): boolean {
  if (filter.machine !== undefined && event.machine !== filter.machine) return false
  return filter.attempt === undefined || event.attempt === filter.attempt
}

/** Where a reader that was cut off has to go on (HTML, section 9.2.4); anything but a number of ours is no such place. */
function resumedAt(lastEventId: string | undefined): number | undefined {
  return lastEventId !== undefined && /^[0-9]{1,15}$/.test(lastEventId) ? Number(lastEventId) : undefined
}

/** No list without an end. */
function filterOf({ limit = 1000, after, machine, attempt }: AskedEvents): EventFilter {
  return {
    limit: Math.min(limit, mostEvents),
    ...(after === undefined ? {} : { after }),
    ...(machine === undefined ? {} : { machine }),
    ...(attempt === undefined ? {} : { attempt }),
  }
}
