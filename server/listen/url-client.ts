import type { Socket } from 'node:net'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import type { OpenUrl, UrlAnswer, UrlOrder } from '../images/open-url.ts'
import { UpstreamFault } from '../images/upstream-fault.ts'
import { Malformed } from '../wire/malformed.ts'
import { printable } from '../wire/text.ts'
import { connectionWords } from './connection-words.ts'
import { connectTo, NoWayThrough, type Connection } from './connect-to.ts'
import { readHead } from './read-head.ts'
import { CutShort, responseBody } from './response-body.ts'
import { proxyHeaders, wayTo, type Proxies, type Way } from './way-to.ts'

export type UrlClientSettings = {
  /** As it introduces itself. */
  readonly userAgent: string
  readonly proxies: Proxies
  /** When nothing moves for so long, the connection counts as broken. */
  readonly silenceMs?: number
  /** Authorities beside those that Node.js and the system trust. */
  readonly authorities?: readonly string[]
}

const usualSilenceMs = 30_000

/**
 * Asks servers for files, by http, https and proxies, each on a connection of its own. What comes goes through one room
 * for each connection: Node.js's own clients take new memory for each 64 KiB (docs/decisions/0021).
 */
export function urlClient(settings: UrlClientSettings): OpenUrl {
  const { userAgent, proxies, silenceMs = usualSilenceMs } = settings
  let made: SecureContext | undefined
  // Reading all certificates takes half a second.
  const context = (): SecureContext => (made ??= contextWith(settings.authorities ?? []))

  return async (order) => {
    const { over } = order
    if (over.aborted) throw stopped()
    const url = new URL(order.url)
    const way = wayTo(url, proxies)
    const silent = (): Error => silentFault(order.url, silenceMs)
    let connection: Connection | undefined
    try {
      connection = await connectTo({ url, way, silenceMs, silent, context, over })
      const { socket } = connection
      socket.write(requestOf(url, way, { 'user-agent': userAgent, ...order.headers }))
      // A head that comes letter by letter is as good as none.
      const late = setTimeout(() => socket.destroy(silent()), silenceMs)
      try {
        return await answerOf(connection, order)
      } finally {
        clearTimeout(late)
      }
    } catch (error) {
      connection?.socket.destroy()
      throw faultOf(error, order)
    }
  }
}

/** RFC 9112 §3.2: a server is told the path, a proxy that fetches by itself the whole URL. */
function requestOf(url: URL, way: Way, headers: Readonly<Record<string, string>>): string {
  const path = `${url.pathname}${url.search}`
  const target = way.kind === 'forward' ? `${url.origin}${path}` : path
  const all = {
    host: url.host,
    accept: '*/*',
    'accept-encoding': 'identity',
    connection: 'close',
    ...(way.kind === 'forward' ? proxyHeaders(way.proxy) : {}),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

async function answerOf({ socket, source }: Connection, order: UrlOrder): Promise<UrlAnswer> {
  const { status, headers, framing } = await readHead(source)
  return {
    status,
    headers,
    body: bodyOf(responseBody(source, framing), socket, order),
    close: () => socket.destroy(),
  }
}

async function* bodyOf(
  pieces: AsyncIterable<Uint8Array>,
  socket: Socket,
  order: UrlOrder,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* pieces
    // A body without a length ends like this when it is broken off here, too.
    if (order.over.aborted) throw stopped()
  } catch (error) {
    throw faultOf(error, order)
  } finally {
    socket.destroy()
  }
}

function silentFault(url: string, silenceMs: number): UpstreamFault {
  return new UpstreamFault('unreachable', `${hostOf(url)} sent nothing for ${silenceMs / 1000} seconds.`)
}

function stopped(): UpstreamFault {
  return new UpstreamFault('stopped', 'It was stopped.')
}

function faultOf(error: unknown, { url, over }: UrlOrder): unknown {
  if (error instanceof UpstreamFault) return error
  if (over.aborted) return stopped()
  if (!(error instanceof Error)) return error
  const host = hostOf(url)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const cause = error
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const nextStep = 'Look at the name server of this box, or set a proxy.'
    return new UpstreamFault('unreachable', `The name of ${host} is not known here.`, { nextStep, cause })
  }
  if (error instanceof Malformed) {
    return new UpstreamFault('malformed', `${host} does not answer as HTTP does: ${error.message}.`, {
      cause,
    })
  }
  if (error instanceof CutShort)
    return new UpstreamFault('unreachable', `${host}: the connection broke.`, { cause })
  if (error instanceof NoWayThrough) {
    const nextStep = 'Look at the proxy: it must let the box through to this server.'
    const kind = error.status >= 500 ? 'unreachable' : 'refused'
    return new UpstreamFault(kind, `The proxy does not lead to ${host}: ${error.message}.`, {
      nextStep,
      cause,
    })
  }
  if (certificateFaults.test(code)) {
    const nextStep =
      'Look at the clock of this box; an authority of your own belongs among those of the system.'
    // It repeats names of the certificate; what follows is advice for those who start Node.js by hand.
    const because = `${host} does not prove who it is: ${printable(error.message.split(';')[0] ?? '', 200)}.`
    return new UpstreamFault('refused', because, { nextStep, cause })
  }
  const said = code === '' ? error.message : (connectionWords[code] ?? code)
  return new UpstreamFault('unreachable', `${host}: ${said}.`, { cause })
}

const certificateFaults = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url
}

/** Sites that add an authority of their own add it to the system, of which Node.js by itself knows nothing. */
function contextWith(authorities: readonly string[]): SecureContext {
  const ca = new Set([...getCACertificates('default'), ...getCACertificates('system'), ...authorities])
  return createSecureContext({ ca: [...ca] })
}
