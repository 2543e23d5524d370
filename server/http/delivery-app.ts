import express, { type Express } from 'express'
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
}

/** Reads of this size make one Node.js process as fast as nginx; the default 64 KiB reach a third (measured). */
const readSize = 1024 * 1024

/**
 * Kernels, initrds and images, with ranges, HEAD and entity tags, from the folder each image name stands for.
 * `delivered` is called once for each response.
 */
export function deliveryApp(
  folderOf: (image: string) => string | undefined,
  delivered: (delivery: Delivery) => void,
): Express {
  const app = express()
  app.disable('x-powered-by')
  app.get('/images/:image/:file', (request, response, next) => {
    const { image, file } = request.params
    const folder = folderOf(image)
    if (folder === undefined || !imageFiles.some((name) => name === file)) {
      next()
      return
    }
    const began = performance.now()
    const before = request.socket.bytesWritten
    response.once('close', () => {
      // A question about the file (HEAD), and an answer that it is unchanged (304), carry none of it.
      if (request.method === 'HEAD' || response.statusCode === 304) return
      const arrival = arrivalOf(request)
      const complete = response.writableFinished
      const announced = Number(response.getHeader('content-length') ?? 0)
      delivered({
        ...arrival,
        file: `${image}/${file}`,
        status: response.statusCode,
        byteCount: complete ? announced : Math.min(announced, request.socket.bytesWritten - before),
        tookMs: performance.now() - began,
        complete,
      })
    })
    // `send` hands its options on to createReadStream, where highWaterMark belongs.
    const options = { root: folder, highWaterMark: readSize, cacheControl: false, dotfiles: 'deny' as const }
    response.type('application/octet-stream')
    response.sendFile(file, options, (error) => {
      if (error !== undefined && !response.headersSent) next()
    })
  })
  app.use((_request, response) => {
    response.status(404).type('text/plain').send('no such image or file\n')
  })
  return app
}
