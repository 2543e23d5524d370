import type { Agent, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { KubeFault, type KubeFaultKind } from '../clusters/kube-fault.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from '../clusters/kube-transport.ts'
import type { KubeTarget } from '../clusters/read-kubeconfig.ts'
import { printable } from '../wire/text.ts'
import { connectionWords } from './connection-words.ts'

/** A node that is watched, and what is asked beside: more connections would only burden the cluster. */
const mostConnections = 8

/** Speaks HTTP over TLS with one cluster, which must show a certificate of its own authority and of no other. */
export function kubeTransport(target: KubeTarget, userAgent: string): KubeTransport {
  const url = new URL(target.server)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const name = target.tlsServerName ?? (isIP(host) === 0 ? host : undefined)
  const { credential } = target
  // A box without clusters has no use for it, and an import would load more (listen/http.ts).
  const https = process.getBuiltinModule('node:https')
  const agent = new https.Agent({
    keepAlive: true,
    maxSockets: mostConnections,
    ca: target.ca,
    minVersion: 'TLSv1.2',
    ...(name === undefined ? {} : { servername: name }),
    ...(credential.kind === 'certificate'
      ? { cert: credential.certificate, key: credential.privateKey }
      : {}),
  })
  const base: Base = {
    ask: https.request,
    agent,
    host,
    port: url.port === '' ? 443 : Number(url.port),
    headers: {
      accept: 'application/json',
      'user-agent': userAgent,
      ...(credential.kind === 'token' ? { authorization: `Bearer ${credential.token}` } : {}),
    },
  }
  const prefix = url.pathname.replace(/\/$/, '')
  return {
    send: async (wanted) => await send(base, prefix, wanted),
    async [Symbol.asyncDispose]() {
      await Promise.resolve(agent.destroy())
    },
  }
}

type Base = {
  readonly ask: typeof request
  readonly agent: Agent
  readonly host: string
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
}

async function send({ ask, ...base }: Base, prefix: string, wanted: KubeRequest): Promise<KubeResponse> {
  const { method, path, body, silenceMs, over } = wanted
  const where = `${base.host}:${base.port}`
  if (over.aborted) throw stopped()
  const headers = {
    ...base.headers,
    ...(body === undefined
      ? {}
      : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = ask({ ...base, method, path: `${prefix}${path}`, headers, signal: over }, resolve)
    // Of the whole connection: of its making, of the answer's head and of its body.
    asked.setTimeout(silenceMs, () => void asked.destroy(new Silence(silenceMs)))
    asked.once('error', (error) => reject(faultOf(error, where, over)))
    asked.end(body?.text)
  })
  const after = response.headers['retry-after']
  return {
    status: response.statusCode ?? 0,
    retryAfter: after !== undefined && /^[0-9]{1,5}$/.test(after) ? Number(after) : undefined,
    body: bodyOf(response, where, over),
    close: () => void response.destroy(),
  }
}

async function* bodyOf(
  response: IncomingMessage,
  where: string,
  over: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* response as AsyncIterable<Uint8Array>
  } catch (error) {
    throw faultOf(error, where, over)
  }
}

class Silence extends Error {
  constructor(ms: number) {
    super(`it said nothing for ${ms / 1000} seconds`)
  }
}

function stopped(): KubeFault {
  return new KubeFault('stopped', 'It was stopped.')
}

/** OpenSSL's words for a certificate of another authority, for another name, or of another time. */
const notItsCertificate =
  /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/

function faultOf(error: unknown, where: string, over: AbortSignal): unknown {
  if (over.aborted) return stopped()
  if (!(error instanceof Error) || error instanceof KubeFault) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const said = connectionWords[code] ?? printable(error.message.split(';')[0] ?? '', 200)
  const fault = (kind: KubeFaultKind, sentence: string) => new KubeFault(kind, sentence, { cause: error })
  if (notItsCertificate.test(code)) {
    return fault('stranger', `${where} does not prove that it is this cluster: ${said}.`)
  }
  // A server that refuses our certificate says so by an alert of TLS 1.3, after the handshake.
  if (/^ERR_SSL_.*(?:ALERT|CERTIFICATE)/.test(code)) {
    return fault('unauthorized', `${where} does not accept our certificate: ${said}.`)
  }
  if (code.startsWith('HPE_')) return fault('malformed', `${where} does not answer as HTTP does: ${said}.`)
  return fault('unreachable', `${where}: ${said}.`)
}
