import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import { printable } from '../wire/text.ts'
import { arrivalOf } from './boot-app.ts'
import { entityTagOf, fileAnswer } from './file-answer.ts'
import type { FindImageFile, ImageFile } from './image-files.ts'
import type { Arrival } from './outcome.ts'
import { sendByReading, type Allowance, type FilePart } from './send-by-reading.ts'
import type { StreamQueue } from './stream-queue.ts'
import { Progress, type UnderWay } from './under-way.ts'

/** What went out to whom, told when the response is over. */
export type Delivery = {
  readonly file: string
  readonly from: string
  readonly to: string
  readonly status: number
  /** Bytes of the body that left; of a response that broke off, what the socket had taken. */
  readonly byteCount: number
  readonly tookMs: number
  readonly complete: boolean
  /** Why the status is 400 or more. */
  readonly because?: string
}

/**
 * A way to send a part of a file faster than by reading it. It resolves to false, with nothing sent, where it cannot, and
 * rejects when the connection breaks.
 */
export type FastWay = (
  response: Response,
  part: FilePart,
  sent: (byteCount: number) => void,
  allowance?: Allowance,
) => Promise<boolean>

export type DeliveryWays = {
  readonly fastWay?: FastWay
  /** Where big files wait for their turn; absent, each goes out at once. */
  readonly queue?: StreamQueue
  /** What all of them together may take of the link; absent, all of it. */
  readonly link?: Allowance
  /** Told of big files that wait, and of those that take long. */
  readonly underWay?: (underWay: UnderWay) => void
}

/** Less than this is no burden and does not wait (bytes). */
const smallBytes = 256 * 1024
/** What a waiting client gets, and how often: enough for every clock that watches for silence. */
const tasteBytes = 16 * 1024
const tasteEachMs = 5_000

/**
 * Kernels, initrds and images, with ranges, HEAD and entity tags, wherever `find` says that they lie.
 * `delivered` is called once for each response that carries something, and for each that refuses.
 */
export function deliveryApp(
  find: FindImageFile,
  delivered: (delivery: Delivery) => void,
  ways: DeliveryWays = {},
): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use((request, response, next) => {
    tellWhenOver(request, response, delivered)
    next()
  })
  app.get('/images/:image/:file', async (request, response, next) => {
    const { image, file } = request.params
    const found = await find(image, file)
    if (found === undefined) {
      next()
      return
    }
    await sendFileTo(request, response, found, ways)
  })
  app.use((_request, response) => {
    refuse(response, 404)
  })
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    // What was announced cannot be sent any more; only a connection that breaks off says so.
    if (response.headersSent) response.destroy()
    else refuse(response, statusOf(error), error)
  })
  return app
}

async function sendFileTo(
  request: Request,
  response: Response,
  { path, sha256 }: ImageFile,
  ways: DeliveryWays,
): Promise<void> {
  // Without waiting for a writer, if somebody put a pipe in the place of a file.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const stat = await file.stat()
  if (!stat.isFile()) {
    refuse(response, 404)
    return
  }
  const facts = {
    size: stat.size,
    modifiedMs: stat.mtimeMs,
    ...(sha256 === undefined ? {} : { digest: sha256 }),
  }
  response.type('application/octet-stream').set({
    'Accept-Ranges': 'bytes',
    ETag: entityTagOf(facts),
    'Last-Modified': stat.mtime.toUTCString(),
  })
  const answer = fileAnswer(request, facts)
  switch (answer.kind) {
    case 'changed':
      refuse(response, 412)
      return
    case 'no-such-range':
      response.set('Content-Range', `bytes */${facts.size}`)
      refuse(response, 416)
      return
    case 'unchanged':
      response.removeHeader('Content-Type')
      response.status(304).end()
      return
    case 'whole':
    case 'part': {
      const { from, length } = answer.kind === 'part' ? answer : { from: 0, length: facts.size }
      if (answer.kind === 'part') {
        response.status(206).set('Content-Range', `bytes ${from}-${from + length - 1}/${facts.size}`)
      }
      response.set('Content-Length', String(length))
      if (request.method === 'HEAD' || length === 0) {
        response.end()
        return
      }
      const part = { fd: file.fd, from, length }
      if (length <= smallBytes) await sendNow(response, part, ways)
      else await sendBig(request, response, part, ways)
      response.end()
    }
  }
}

async function sendBig(
  request: Request,
  response: Response,
  part: FilePart,
  ways: DeliveryWays,
): Promise<void> {
  const { queue, underWay = () => {} } = ways
  const sent = () => ({ byteCount: sentOf(response), ofBytes: part.length })
  using progress = new Progress(aboutOf(request), sent, underWay)
  if (queue === undefined) await sendNow(response, part, ways)
  else await sendInTurn(response, part, { ...ways, queue, progress })
}

/**
 * Sends a part of a file when its turn has come. Until then a little of it goes out every few seconds: no client asks for
 * patience in the same words, and every one of them has it while bytes come.
 */
async function sendInTurn(
  response: Response,
  part: FilePart,
  ways: DeliveryWays & { readonly queue: StreamQueue; readonly progress: Progress },
): Promise<void> {
  const { queue, progress } = ways
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  if (response.destroyed) gone.abort()
  const ticket = queue.enter(gone.signal)
  const itsTurn = ticket.turn.then(() => 'turn' as const)
  let rest = part
  try {
    let next = await Promise.race([itsTurn, pause(0, 'wait' as const)])
    if (next === 'wait') progress.waits(ticket)
    while (next === 'wait' && rest.length > tasteBytes) {
      await sendNow(response, { ...rest, length: tasteBytes }, ways)
      rest = { ...rest, from: rest.from + tasteBytes, length: rest.length - tasteBytes }
      const clock = new AbortController()
      next = await Promise.race([itsTurn, paused(clock.signal)])
      clock.abort()
    }
  } catch (error) {
    gone.abort()
    // What comes of its turn now is nobody's.
    ;(await ticket.turn)?.[Symbol.dispose]()
    throw error
  }
  using stream = await ticket.turn
  if (stream === undefined) throw new Error('the client hung up')
  progress.goesOut()
  await sendNow(response, rest, ways)
}

/** The time to the next taste, unless it is no longer waited for. */
async function paused(unwanted: AbortSignal): Promise<'wait'> {
  return await pause(tasteEachMs, 'wait' as const, { signal: unwanted }).catch(() => 'wait' as const)
}

async function sendNow(response: Response, part: FilePart, { fastWay, link }: DeliveryWays): Promise<void> {
  const sent = (byteCount: number): void => {
    response.locals['sent'] = sentOf(response) + byteCount
  }
  const ready = await fastWay?.(response, part, sent, link)
  if (ready !== true) await sendByReading(response, part, sent, link)
}

/** Bytes of the body that the kernel has taken. */
function sentOf(response: Response): number {
  const sent: unknown = response.locals['sent']
  return typeof sent === 'number' ? sent : 0
}

function tellWhenOver(request: Request, response: Response, delivered: (delivery: Delivery) => void): void {
  // A socket that is closed no longer knows whose it was.
  const about = aboutOf(request)
  const began = performance.now()
  response.once('close', () => {
    const status = response.statusCode
    // A question about the file (HEAD), and an answer that it is unchanged (304), carry none of it.
    if ((request.method === 'HEAD' && status < 400) || status === 304) return
    const complete = response.writableFinished
    const announced = Number(response.getHeader('content-length') ?? 0)
    const because: unknown = response.locals['because']
    delivered({
      ...(typeof because === 'string' ? { because } : {}),
      ...about,
      status,
      byteCount: complete ? announced : Math.min(announced, sentOf(response)),
      tookMs: performance.now() - began,
      complete,
    })
  })
}

/** Which file is asked for, by whom, and where. */
function aboutOf(request: Request): Arrival & { readonly file: string } {
  return { ...arrivalOf(request), file: fileOf(request.path) }
}

/** iPXE writes the `@` of a version as `%40`, initrds leave it: it is one file. */
function fileOf(path: string): string {
  const file = path.replace(/^\/images\//, '')
  try {
    return printable(decodeURIComponent(file))
  } catch {
    return printable(file)
  }
}

/** A path that express cannot read is its sender's fault; a file that cannot be read is ours, and a 500. */
function statusOf(error: unknown): keyof typeof refusals {
  const code = codeOf(error)
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return 404
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  return status === 400 || status === 404 ? status : 500
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

const refusals = {
  400: 'the request cannot be understood',
  404: 'no such image or file',
  412: 'the file is not the one that was asked for (If-Match, If-Unmodified-Since)',
  416: 'the file has no such range',
  500: 'the file cannot be read; the log of the appliance says more',
} as const

function refuse(response: Response, status: keyof typeof refusals, error?: unknown): void {
  // These describe the file, not this answer. Its length, in Content-Range, belongs to a 416 (RFC 9110 §15.5.17).
  for (const name of ['ETag', 'Last-Modified', 'Accept-Ranges']) response.removeHeader(name)
  response.locals['because'] = status === 500 && error instanceof Error ? error.message : refusals[status]
  const text = `${refusals[status]}\n`
  response.status(status).type('text/plain').set('Cache-Control', 'no-store')
  // Not `send`, which would give the refusal a tag of its own.
  response.set('Content-Length', String(text.length)).end(text)
}
