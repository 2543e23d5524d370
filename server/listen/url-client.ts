import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import type { OpenUrl, UrlAnswer, UrlOrder } from '../images/open-url.ts'
import { UpstreamFault } from '../images/upstream-fault.ts'

export type UrlClientSettings = {
  /** As it introduces itself. */
  readonly userAgent: string
  /** URLs of proxies, as curl has them in `http_proxy` and `https_proxy`, and the hosts that need none. */
  readonly proxies: Proxies
  /** When nothing moves for so long, the connection counts as broken. */
  readonly silenceMs?: number
  /** Authorities beside those that Node.js and the system trust. */
  readonly authorities?: readonly string[]
}

export type Proxies = { readonly http?: string; readonly https?: string; readonly none?: string }

export type UrlClient = Disposable & { readonly open: OpenUrl }

const usualSilenceMs = 30_000

/** Asks servers for files, on connections that are used again, by http, https and proxies. */
export function openUrlClient(settings: UrlClientSettings): UrlClient {
  const { proxies, silenceMs = usualSilenceMs } = settings
  const common = { keepAlive: true, proxyEnv: environmentOf(proxies) }
  const http = new HttpAgent(common)
  let https: HttpsAgent | undefined

  function ask(url: string, options: object): ClientRequest {
    if (!url.startsWith('https:')) return httpRequest(url, { ...options, agent: http })
    // Reading all certificates takes half a second, and is seldom needed twice.
    https ??= new HttpsAgent({ ...common, secureContext: contextWith(settings.authorities ?? []) })
    return httpsRequest(url, { ...options, agent: https })
  }

  return {
    async open(order) {
      const { over } = order
      if (over.aborted) throw stopped()
      return await new Promise<UrlAnswer>((resolve, reject) => {
        const headers = {
          'user-agent': settings.userAgent,
          accept: '*/*',
          'accept-encoding': 'identity',
          ...order.headers,
        }
        const asked = ask(order.url, { headers, signal: over })
        const silence = setTimeout(() => asked.destroy(silent(order.url, silenceMs)), silenceMs)
        asked.once('error', (error) => {
          clearTimeout(silence)
          reject(faultOf(error, order))
        })
        asked.once('response', (response) => {
          clearTimeout(silence)
          resolve(answerOf(response, order, silenceMs))
        })
        asked.end()
      })
    },
    [Symbol.dispose]() {
      http.destroy()
      https?.destroy()
    },
  }
}

function answerOf(response: IncomingMessage, order: UrlOrder, silenceMs: number): UrlAnswer {
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(response.headers)) {
    if (typeof value === 'string') headers.set(name, value)
  }
  // Whoever hangs up before the body is read does not want to hear of it.
  response.on('error', () => {})
  return {
    status: response.statusCode ?? 0,
    headers,
    body: bodyOf(response, order, silenceMs),
    close: () => response.destroy(),
  }
}

/** Only the time spent waiting for the server counts as silence, not that of the reader. */
async function* bodyOf(
  response: IncomingMessage,
  order: UrlOrder,
  silenceMs: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let isWaiting = true
  const silence = setTimeout(() => {
    if (isWaiting) response.destroy(silent(order.url, silenceMs))
  }, silenceMs)
  try {
    for await (const bytes of response) {
      isWaiting = false
      yield bytes
      isWaiting = true
      silence.refresh()
    }
  } catch (error) {
    throw faultOf(error, order)
  } finally {
    clearTimeout(silence)
  }
}

function silent(url: string, silenceMs: number): UpstreamFault {
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
  if (code.startsWith('HPE_')) {
    return new UpstreamFault('malformed', `${host} does not answer as HTTP does (${code}).`, { cause })
  }
  if (code.startsWith('ERR_PROXY')) {
    const nextStep = 'Look at the proxy: it must let the box through to this server.'
    return new UpstreamFault('unreachable', `The proxy does not lead to ${host}: ${error.message}.`, {
      nextStep,
      cause,
    })
  }
  if (certificateFaults.test(code)) {
    const nextStep =
      'Look at the clock of this box; an authority of your own belongs among those of the system.'
    const because = `${host} does not prove who it is: ${error.message}.`
    return new UpstreamFault('refused', because, { nextStep, cause })
  }
  const said = code === '' ? error.message : (plain[code] ?? code)
  return new UpstreamFault('unreachable', `${host}: ${said}.`, { cause })
}

const certificateFaults = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/

const plain: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody answers there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'no connection came about in time',
  EHOSTUNREACH: 'there is no way there',
  ENETUNREACH: 'there is no way there',
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url
}

/** Node.js reads proxies from an environment; it need not be that of the process. */
function environmentOf({ http, https, none }: Proxies): Record<string, string> {
  return {
    ...(http === undefined ? {} : { http_proxy: http }),
    ...(https === undefined ? {} : { https_proxy: https }),
    ...(none === undefined ? {} : { no_proxy: none }),
  }
}

/** Sites that add an authority of their own add it to the system, of which Node.js by itself knows nothing. */
function contextWith(authorities: readonly string[]): SecureContext {
  const ca = new Set([...getCACertificates('default'), ...getCACertificates('system'), ...authorities])
  return createSecureContext({ ca: [...ca] })
}
