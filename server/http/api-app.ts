import express, { type Express, type Response } from 'express'
import type { RecordedEvent } from '../events/event.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import type { Lease } from '../networks/lease.ts'

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
  /** Found by identifier, MAC address or host name; several when a host name fits several. */
  readonly find: (name: string) => readonly MachineSummary[]
  readonly events: (filter: EventFilter) => Promise<readonly RecordedEvent[]>
  readonly subscribe: (listener: (event: RecordedEvent) => void) => () => void
  readonly retry: (machine: string) => Promise<{ kind: 'done' } | { kind: 'refused'; because: string }>
}

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
}

export type MachineSummary = {
  readonly machine: Machine
  readonly attempt: Attempt | undefined
  readonly lease: Lease | undefined
}

const mostEvents = 10_000

/** The API of the box itself, served on a socket that only its owner can open. */
export function apiApp(desk: ApiDesk): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('query parser', 'simple')
  app.get('/api/v1/status', (_request, response) => {
    response.json(desk.status())
  })
  app.get('/api/v1/machines', (_request, response) => {
    response.json(desk.machines())
  })
  app.get('/api/v1/machines/:name', (request, response) => {
    const found = desk.find(request.params.name)
    const [machine] = found
    if (machine === undefined) {
      problem(
        response,
        404,
        'No such machine',
        `no machine has the identifier, MAC or name ${request.params.name}`,
      )
      return
    }
    if (found.length > 1) {
      const which = found.map((summary) => summary.machine.id).join(', ')
      problem(
        response,
        409,
        'More than one machine',
        `${request.params.name} is the name of several: ${which}`,
      )
      return
    }
    response.json(machine)
  })
  app.post('/api/v1/machines/:id/retry', async (request, response) => {
    const outcome = await desk.retry(request.params.id)
    if (outcome.kind === 'refused') problem(response, 409, 'Nothing to retry', outcome.because)
    else response.status(204).end()
  })
  app.get('/api/v1/events', async (request, response) => {
    response.json(await desk.events(filterOf(request.query)))
  })
  app.get('/api/v1/events/stream', async (request, response) => {
    await stream(desk, filterOf(request.query), response)
  })
  app.use((request, response) => {
    problem(response, 404, 'No such resource', `${request.method} ${request.path} is not part of the API`)
  })
  return app
}

/** An RFC 9457 problem document. */
function problem(response: Response, status: number, title: string, detail: string): void {
  response.status(status).type('application/problem+json').send(JSON.stringify({ title, status, detail }))
}

/** More unsent events than this mean that the listener does not read; it is let go and may come again. */
const unsentLimitBytes = 4 * 1024 * 1024

/** Server-sent events: first what is stored, then each as it happens, none twice and none left out. */
async function stream(desk: ApiDesk, filter: EventFilter, response: Response): Promise<void> {
  response.type('text/event-stream').set('Cache-Control', 'no-store').flushHeaders()
  let sent = filter.after ?? 0
  const early: RecordedEvent[] = []
  let live = false
  const send = (event: RecordedEvent): void => {
    if (event.id <= sent || !matches(event, filter)) return
    sent = event.id
    response.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`)
    if (response.writableLength > unsentLimitBytes) response.destroy()
  }
  const end = desk.subscribe((event) => {
    if (live) send(event)
    else early.push(event)
  })
  response.once('close', end)
  for (const event of await desk.events(filter)) send(event)
  for (const event of early) send(event)
  live = true
}

function matches(event: RecordedEvent, filter: EventFilter): boolean {
  if (filter.machine !== undefined && event.machine !== filter.machine) return false
  return filter.attempt === undefined || event.attempt === filter.attempt
}

function filterOf(query: express.Request['query']): EventFilter {
  const limit = wholeNumber(query['limit'])
  const after = wholeNumber(query['after'])
  const { machine, attempt } = query
  return {
    limit: Math.min(limit ?? 1000, mostEvents),
    ...(after === undefined ? {} : { after }),
    ...(typeof machine === 'string' ? { machine } : {}),
    ...(typeof attempt === 'string' ? { attempt } : {}),
  }
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined
}
