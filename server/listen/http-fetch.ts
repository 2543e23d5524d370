import { request } from 'node:http'
import { crc32 } from 'node:zlib'

/** A request as a booting machine makes it, from an address of its own. */
export type HttpFetch = {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: string
  readonly from: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly keepText: boolean
  /** What the checksum goes on from. */
  readonly checksum: number
  /** Hangs up after so many bytes. */
  readonly hangUpAfter?: number | undefined
  /** Breaks it off. */
  readonly over: AbortSignal
  /** Takes no more than this in a tenth of a second. */
  readonly bytesPerTenth?: number | undefined
  /** Hears how many bytes have come so far. */
  readonly came?: ((byteCount: number) => void) | undefined
}

export type HttpFetched =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly byteCount: number
      readonly announced: number | undefined
      /** CRC-32 of the body. */
      readonly checksum: number
      readonly text: string
      readonly retryAfterSeconds: number | undefined
    }
  | { readonly kind: 'failed'; readonly because: string }

/** A connection on which nothing moves for so long is given up. */
const silenceLimitMs = 60_000
/** No script or seed is longer. */
const longestText = 1024 * 1024

/** Makes one request on a connection of its own. What breaks off comes back with the bytes that came. */
export async function fetchHttp(order: HttpFetch): Promise<HttpFetched> {
  if (!URL.canParse(order.url) || !order.url.startsWith('http:')) {
    return { kind: 'failed', because: `${order.url} is no URL of http` }
  }
  const { hostname, port, pathname, search } = new URL(order.url)
  return await new Promise((resolve) => {
    const options = {
      host: hostname,
      port: port === '' ? 80 : Number(port),
      path: `${pathname}${search}`,
      method: order.method,
      localAddress: order.from,
      headers: order.headers,
      agent: false as const,
      timeout: silenceLimitMs,
      signal: order.over,
    }
    const asked = request(options, (response) => {
      let byteCount = 0
      let { checksum } = order
      let room = order.bytesPerTenth ?? 0
      const texts: Buffer[] = []
      const { 'content-length': length, 'retry-after': retryAfter } = response.headers
      const end = (): void => {
        clearInterval(tap)
        resolve({
          kind: 'response',
          status: response.statusCode ?? 0,
          byteCount,
          announced: length === undefined ? undefined : Number(length),
          checksum,
          text: Buffer.concat(texts).toString('utf8'),
          retryAfterSeconds: retryAfter === undefined ? undefined : Number(retryAfter),
        })
      }
      const tap =
        order.bytesPerTenth === undefined
          ? undefined
          : setInterval(() => {
              room = order.bytesPerTenth ?? 0
              response.resume()
            }, 100)
      response.on('data', (bytes: Buffer) => {
        byteCount += bytes.length
        order.came?.(byteCount)
        checksum = crc32(bytes, checksum)
        if (order.keepText && byteCount <= longestText) texts.push(bytes)
        if (order.hangUpAfter !== undefined && byteCount >= order.hangUpAfter) asked.destroy()
        room -= bytes.length
        if (tap !== undefined && room <= 0) response.pause()
      })
      // It comes after the end, and after a connection that broke, which says so by an error before.
      response.on('error', () => {})
      response.once('close', end)
    })
    asked.once('timeout', () => asked.destroy(new Error(`nothing came for ${silenceLimitMs / 1000} s`)))
    asked.once('error', (error) => resolve({ kind: 'failed', because: error.message }))
    asked.end(order.body)
  })
}
