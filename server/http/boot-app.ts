import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import { expectedMiss } from '../boot/expected-misses.ts'
import type { About, ApplianceEvent } from '../events/event.ts'
import { parseIpv4 } from '../wire/ipv4.ts'
import { printable } from '../wire/text.ts'
import type { Arrival, Outcome } from './outcome.ts'
import { sendBytes } from './send-bytes.ts'

export const seedFiles = ['meta-data', 'user-data', 'vendor-data', 'network-config'] as const
export type SeedFile = (typeof seedFiles)[number]

/** What a program that writes a disk says: what it found, how far it is, what it met, how it ended. */
export const installWords = ['disks', 'progress', 'note', 'ended'] as const
export type InstallWord = (typeof installWords)[number]

/** What the program asks that writes a machine's disk. */
export type InstallDesk = {
  readonly word: (arrival: Arrival, attempt: string, word: InstallWord, body: string) => Promise<Outcome>
  readonly seed: (arrival: Arrival, attempt: string, file: SeedFile) => Promise<Outcome>
}

/** What stands behind the boot listener. The appliance gives it; nothing here decides. */
export type BootDesk = {
  readonly chainScript: (arrival: Arrival) => Outcome
  /** The certificate by which the API is known; it is compared with the fingerprint in the seed before it is believed. */
  readonly authority: () => Outcome
  /** The query as it came, without its question mark: iPXE of 2019 escapes it badly. */
  readonly bootScript: (arrival: Arrival, query: string) => Promise<Outcome>
  /** GRUB's configuration under a path; `undefined` when the path names none. */
  readonly grubConfig: (arrival: Arrival, path: string) => Promise<Outcome | undefined>
  readonly program: (arrival: Arrival, file: string) => Outcome
  readonly seed: (arrival: Arrival, attempt: string, file: SeedFile) => Promise<Outcome>
  readonly report: (arrival: Arrival, attempt: string, body: string) => Promise<Outcome>
  readonly phoneHome: (arrival: Arrival, attempt: string, body: string) => Promise<Outcome>
  readonly install: InstallDesk
  readonly tell: (event: ApplianceEvent) => void
}

/** A cloud-init report with the files it may carry, and nothing larger (bytes). */
const bodyLimit = 256 * 1024

/** The plain HTTP side that booting machines see. It holds no secret: whoever is on the wire may read all of it. */
export function bootApp(desk: BootDesk): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', 'strong')
  app.set('query parser', 'simple')
  const body = express.text({ type: () => true, limit: bodyLimit })

  app.use((request, _response, next) => {
    request.url = withSingleSlashes(request.url)
    next()
  })
  app.get(['/chain.ipxe', /^\/(?:programs\/(?:.*\/)?)?autoexec\.ipxe$/], (request, response) => {
    reply(desk, request, response, desk.chainScript(arrivalOf(request)))
  })
  app.get('/authority.pem', (request, response) => {
    reply(desk, request, response, desk.authority())
  })
  // To ask whether a script or a seed is there begins no boot.
  app.head(['/boot.ipxe', '/seed/:attempt/:file'], (_request, response) => {
    response.type('text/plain').end()
  })
  app.get('/boot.ipxe', async (request, response) => {
    reply(desk, request, response, await desk.bootScript(arrivalOf(request), queryOf(request)))
  })
  // GRUB looks below the folder it came from, or below one that was built into it.
  app.head(/\/grub\.cfg-[^/]*$/, (_request, response) => {
    response.type('text/plain').end()
  })
  app.get(/\/grub\.cfg(?:-[^/]*)?$/, async (request, response, next) => {
    const outcome = await desk.grubConfig(arrivalOf(request), request.path)
    if (outcome === undefined) next()
    else reply(desk, request, response, outcome)
  })
  app.get('/programs/*path', (request, response) => {
    const file = request.params.path.join('/')
    const outcome = desk.program(arrivalOf(request), file)
    if (outcome.kind === 'bytes' && request.method === 'GET') tellWhenSent(desk, request, response, file)
    reply(desk, request, response, outcome)
  })
  app.get('/seed/:attempt/:file', async (request, response) => {
    const { attempt, file } = request.params
    const known = seedFiles.find((name) => name === file)
    const outcome: Outcome =
      known === undefined
        ? { kind: 'refused', status: 404, because: `a seed has no file ${printable(file)}` }
        : await desk.seed(arrivalOf(request), attempt, known)
    reply(desk, request, response, outcome)
  })
  app.post('/report/:attempt', body, async (request, response) => {
    reply(
      desk,
      request,
      response,
      await desk.report(arrivalOf(request), request.params.attempt, textOf(request)),
    )
  })
  app.post('/phone-home/:attempt', body, async (request, response) => {
    const { attempt } = request.params
    reply(desk, request, response, await desk.phoneHome(arrivalOf(request), attempt, textOf(request)))
  })
  app.get('/install/:attempt/seed/:file', async (request, response, next) => {
    const { attempt, file } = request.params
    const known = seedFiles.find((name) => name === file)
    if (known === undefined) next()
    else reply(desk, request, response, await desk.install.seed(arrivalOf(request), attempt, known))
  })
  app.post('/install/:attempt/:word', body, async (request, response, next) => {
    const { attempt, word } = request.params
    const known = installWords.find((name) => name === word)
    if (known === undefined) next()
    else {
      const outcome = await desk.install.word(arrivalOf(request), attempt, known, textOf(request))
      reply(desk, request, response, outcome)
    }
  })
  app.use((request: Request, response: Response) => {
    reply(desk, request, response, {
      kind: 'refused',
      status: 404,
      because: 'nothing is served under this path',
    })
  })
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    failed(desk, error, request, response, next)
  })
  return app
}

/** shim puts a slash of its own between the folder it came from and the name it wants: `/programs//grubx64.efi` (16.1). */
function withSingleSlashes(url: string): string {
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  return path.replaceAll(/\/{2,}/g, '/') + url.slice(path.length)
}

function tellWhenSent(desk: BootDesk, request: Request, response: Response, file: string): void {
  const began = performance.now()
  const about = from(request)
  response.once('close', () => {
    const byteCount = Number(response.getHeader('content-length') ?? 0)
    const [tookMs, complete] = [performance.now() - began, response.writableFinished]
    desk.tell({ kind: 'file-served', ...about, file, byteCount: complete ? byteCount : 0, tookMs, complete })
  })
}

export function arrivalOf(request: Request): Arrival {
  return { from: plain(request.socket.remoteAddress), to: plain(request.socket.localAddress) }
}

function reply(desk: BootDesk, request: Request, response: Response, outcome: Outcome): void {
  switch (outcome.kind) {
    case 'text':
      response.type(outcome.type).set('Cache-Control', 'no-store').send(outcome.text)
      return
    case 'bytes':
      sendBytes(request, response, outcome)
      return
    case 'accepted':
      response.status(204).end()
      return
    case 'refused': {
      const miss = outcome.status === 404 ? expectedMiss(request.path) : undefined
      const because = miss ?? outcome.because
      desk.tell({
        kind: 'request-refused',
        ...from(request),
        path: printable(request.path),
        status: outcome.status,
        because,
        ...(miss === undefined ? {} : { expected: true }),
      })
      response.status(outcome.status).type('text/plain').send(`${because}\n`)
    }
  }
}

/** 4xx is the caller's fault and says what; anything else is ours, is told in full to the log and not to the wire. */
function failed(
  desk: BootDesk,
  error: unknown,
  request: Request,
  response: Response,
  next: NextFunction,
): void {
  const status = statusOf(error)
  const because = error instanceof Error ? error.message : String(error)
  desk.tell({
    kind: 'request-refused',
    ...from(request),
    path: printable(request.path),
    status,
    because: printable(status === 500 && error instanceof Error ? (error.stack ?? because) : because, 1000),
  })
  if (response.headersSent) {
    next(error)
    return
  }
  const told = status === 500 ? 'the appliance failed at this request; its log says why' : because
  response.status(status).type('text/plain').send(`${told}\n`)
}

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500
}

function from(request: Request): About {
  const address = parseIpv4(arrivalOf(request).from)
  return address === undefined ? {} : { address }
}

function textOf(request: Request): string {
  return typeof request.body === 'string' ? request.body : ''
}

function queryOf(request: Request): string {
  const mark = request.url.indexOf('?')
  return mark === -1 ? '' : request.url.slice(mark + 1)
}

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}
