import { createHash } from 'node:crypto'
import type { Request, Response } from 'express'

/** Tags of contents already seen; boot programs stay the same bytes as long as the appliance runs. */
const tags = new WeakMap<Uint8Array, string>()

/**
 * Sends a file held in memory, whole or the one range that was asked for (RFC 9110 §14). UEFI's HTTP boot asks for the
 * length by HEAD and resumes a download that broke off by Range with If-Match (HttpBootDxe), so both must be right.
 */
export function sendBytes(
  request: Request,
  response: Response,
  file: { readonly bytes: Uint8Array; readonly type: string },
): void {
  const { bytes, type } = file
  const tag = tagOf(bytes)
  response.type(type).set({ ETag: tag, 'Accept-Ranges': 'bytes', 'Cache-Control': 'no-cache' })
  const wanted = request.get('if-match')
  if (wanted !== undefined && !namesTag(wanted, tag)) {
    response.removeHeader('ETag')
    response.status(412).type('text/plain').send('the file is not the one that was asked for (If-Match)\n')
    return
  }
  const isStillIt = [undefined, tag].includes(request.get('if-range'))
  const ranges = isStillIt && request.method === 'GET' ? request.range(bytes.length) : undefined
  if (ranges === -1) {
    response.status(416).set('Content-Range', `bytes */${bytes.length}`)
    response.removeHeader('ETag')
    response.type('text/plain').send('the file has no such range\n')
    return
  }
  const [only, ...others] = Array.isArray(ranges) && ranges.type === 'bytes' ? ranges : []
  // Several ranges at once, or a header that cannot be read: the whole file is a right answer to both.
  if (only === undefined || others.length > 0) {
    response.send(buffer(bytes))
    return
  }
  const { start, end } = only
  response.status(206).set('Content-Range', `bytes ${start}-${end}/${bytes.length}`)
  response.send(buffer(bytes.subarray(start, end + 1)))
}

function tagOf(bytes: Uint8Array): string {
  const known = tags.get(bytes)
  if (known !== undefined) return known
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`
  tags.set(bytes, tag)
  return tag
}

function namesTag(header: string, tag: string): boolean {
  return header.split(',').some((one) => one.trim() === tag || one.trim() === '*')
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
