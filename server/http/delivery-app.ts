import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import { printable } from '../wire/text.ts'
import { arrivalOf } from './boot-app.ts'

/** The files an image consists of, and nothing else of its folder is served. */
export const imageFiles = ['vmlinuz', 'initrd', 'squashfs'] as const

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

/** Reads of this size make one Node.js process as fast as nginx; the default 64 KiB reach a third (measured). */
const readSize = 1024 * 1024

/**
 * Kernels, initrds and images, with ranges, HEAD and entity tags, from the folder each image name stands for.
 * `delivered` is called once for each response that carries something, and for each that refuses.
 */
export function deliveryApp(
  folderOf: (image: string) => string | undefined,
  delivered: (delivery: Delivery) => void,
): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use((request, response, next) => {
    tellWhenOver(request, response, delivered)
    next()
  })
  app.get('/images/:image/:file', (request, response, next) => {
    const { image, file } = request.params
    const folder = folderOf(image)
    if (folder === undefined || !imageFiles.some((name) => name === file)) {
      next()
      return
    }
    // `send` hands its options on to createReadStream, where highWaterMark belongs.
    const options = { root: folder, highWaterMark: readSize, cacheControl: false, dotfiles: 'deny' as const }
    response.type('application/octet-stream')
    response.sendFile(file, options, (error?: Error) => {
      if (error !== undefined) next(error)
    })
  })
  app.use((_request, response) => {
    refuse(response, 404)
  })
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    // What was announced cannot be sent any more; only a connection that breaks off says so.
    if (response.headersSent || codeOf(error) === 'ECONNABORTED') response.destroy()
    else refuse(response, statusOf(error), error)
  })
  return app
}

function tellWhenOver(request: Request, response: Response, delivered: (delivery: Delivery) => void): void {
  // A socket that is closed no longer knows whose it was.
  const arrival = arrivalOf(request)
  const began = performance.now()
  const before = request.socket.bytesWritten
  response.once('close', () => {
    const status = response.statusCode
    // A question about the file (HEAD), and an answer that it is unchanged (304), carry none of it.
    if ((request.method === 'HEAD' && status < 400) || status === 304) return
    const complete = response.writableFinished
    const announced = Number(response.getHeader('content-length') ?? 0)
    const because: unknown = response.locals['because']
    delivered({
      ...(typeof because === 'string' ? { because } : {}),
      ...arrival,
      file: printable(request.path.replace(/^\/images\//, '')),
      status,
      byteCount: complete ? announced : Math.min(announced, request.socket.bytesWritten - before),
      tookMs: performance.now() - began,
      complete,
    })
  })
}

/** `send` names by the status what is wrong with a request; a file that cannot be read is our fault, and a 500. */
function statusOf(error: unknown): keyof typeof refusals {
  if (codeOf(error) === 'EISDIR') return 404
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  return status === 400 || status === 404 || status === 412 || status === 416 ? status : 500
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
