import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import type { ApplianceEvent } from '../events/event.ts'
import { parseIpv4 } from '../wire/ipv4.ts'
import { printable } from '../wire/text.ts'
import type { MachineDoor } from './machine-door.ts'
import type { Arrival, Outcome } from './outcome.ts'
import { readText } from './read-text.ts'

/** What a system asks that has no credential yet, or none that is good any more. */
export type NodeDesk = {
  readonly enrol: (arrival: Arrival, body: string) => Promise<Outcome>
  readonly renew: (arrival: Arrival, body: string) => Promise<Outcome>
}

/** What a machine says that was let in. */
export type NodeQuestion = {
  /** Its identifier, by its credential. */
  readonly machine: string
  readonly arrival: Arrival
  readonly body: string
}

/** Something that machines ask by `POST /api/v1/node/WORD`, with their credential. */
export type NodeRoute = {
  /** A longer body is refused unread. */
  readonly mostBytes: number
  readonly answer: (question: NodeQuestion) => Promise<Outcome>
}

export type NodeRoutesParts = {
  readonly desk: NodeDesk
  readonly door: MachineDoor
  readonly tell: (event: ApplianceEvent) => void
  /** By their words. */
  readonly routes: Readonly<Record<string, NodeRoute>>
}

/** Three short lines, the longest of them a key. */
const mostOfRequest = 2_048

/** The machines' side of the API over HTTPS: texts for programs in shell, and who shows no credential gets no further than to enrol. */
export function nodeRoutes({ desk, door, tell, routes }: NodeRoutesParts): RequestHandler {
  const router = express.Router({ strict: true, caseSensitive: true })
  for (const word of ['enrol', 'renew'] as const) {
    router.post(`/${word}`, async (request, response) => {
      await answered(
        request,
        response,
        mostOfRequest,
        async (body) => await desk[word](arrivalOf(request), body),
      )
    })
  }
  for (const [word, { mostBytes, answer }] of Object.entries(routes)) {
    router.post(`/${word}`, async (request, response) => {
      const machine = admitted(request, response)
      if (machine === undefined) return
      const ask = async (body: string): Promise<Outcome> =>
        await answer({ machine, arrival: arrivalOf(request), body })
      await answered(request, response, mostBytes, ask)
    })
  }
  // Who may ask nothing is not told what there is to ask.
  router.use((request, response) => {
    if (admitted(request, response) !== undefined)
      send(response, { kind: 'refused', status: 404, because: 'machines ask nothing of this name' })
  })
  router.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    failed(error, request, response, next)
  })
  return router

  function admitted(request: Request, response: Response): string | undefined {
    const admission = door(request)
    if (admission.kind === 'admitted') return admission.machine
    send(response, admission)
    return undefined
  }

  /** Ours is told in full to the log and not to the machine. */
  function failed(error: unknown, request: Request, response: Response, next: NextFunction): void {
    // Who went away in the middle of a request hears of nothing.
    if (request.destroyed && !request.complete) return
    if (response.headersSent) return next(error)
    const because = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const { from } = arrivalOf(request)
    const address = parseIpv4(from)
    tell({
      kind: 'request-refused',
      ...(address === undefined ? {} : { address }),
      path: printable(request.originalUrl),
      status: 500,
      because: printable(because, 1000),
    })
    const told = 'the appliance failed at this request; its log says why\n'
    response.status(500).set('Connection', 'close').type('text/plain').send(told)
  }
}

async function answered(
  request: Request,
  response: Response,
  mostBytes: number,
  ask: (body: string) => Promise<Outcome>,
): Promise<void> {
  const read = await readText(request, mostBytes)
  if (read.kind === 'text') return send(response, await ask(read.text))
  send(response, { kind: 'refused', status: 413, because: `it is longer than ${mostBytes} bytes` })
}

type Sent = Outcome | { readonly kind: 'refused'; readonly status: 401; readonly because: string }

function send(response: Response, outcome: Sent): void {
  response.set('Cache-Control', 'no-store')
  switch (outcome.kind) {
    case 'text':
      return void response.type(outcome.type).send(outcome.text)
    case 'bytes':
      return void response.type(outcome.type).send(Buffer.from(outcome.bytes))
    case 'accepted':
      return void response.status(204).end()
    case 'refused': {
      const { status, because } = outcome
      // What else the peer sends is not waited for.
      response.set('Connection', 'close')
      if (status === 401) response.set('WWW-Authenticate', 'Bearer')
      if (status === 429) response.set('Retry-After', '60')
      response.status(status).type('text/plain').send(`${because}\n`)
    }
  }
}

function arrivalOf({ socket }: Request): Arrival {
  return { from: plain(socket.remoteAddress), to: plain(socket.localAddress) }
}

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}
