import { createHash } from 'node:crypto'
import type { IncomingMessage, request } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { connect } from 'node:net'
import type { ServiceTrust } from '../config/power-settings.ts'
import type { BmcRequest, BmcResponse, BmcTransport } from '../power/bmc-transport.ts'
import { PowerFault } from '../power/power-fault.ts'
import { printable } from '../wire/text.ts'
import { connectionWords } from './connection-words.ts'

/** BMCs are slow, and some take ten seconds for a first answer. */
const silenceMs = 30_000
/** The longest document of a system has a tenth of it. */
const mostBytes = 1024 * 1024

/** Speaks HTTP with one BMC. Nothing is sent before it has proved who it is, unless a person said that it need not. */
export function bmcTransport(url: string, trust: ServiceTrust): BmcTransport {
  const { protocol, hostname, port } = new URL(url)
  const isSecure = protocol === 'https:'
  const place: Place = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (isSecure ? 443 : 80) : Number(port),
    trust: isSecure ? trust : undefined,
  }
  return { send: async (wanted) => await send(place, wanted) }
}

type Place = {
  readonly host: string
  readonly port: number
  /** Absent, nothing is encrypted. */
  readonly trust: ServiceTrust | undefined
}

async function send(place: Place, { method, path, headers, body, over }: BmcRequest): Promise<BmcResponse> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const socket = await proven(place, over)
  try {
    // Not by an import, which would cost an appliance without BMCs more memory (listen/http.ts).
    const http = process.getBuiltinModule('node:http')
    const response = await asked(
      http.request,
      { place, socket, over },
      {
        method,
        path,
        headers: {
          host: hostOf(place),
          accept: 'application/json',
          'odata-version': '4.0',
          connection: 'close',
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
          ...headers,
        },
        text,
      },
    )
    return {
      status: response.statusCode ?? 0,
      headers: Object.fromEntries(
        Object.entries(response.headers).flatMap(([name, value]) =>
          typeof value === 'string' ? [[name, value]] : [],
        ),
      ),
      text: await textOf(response, place),
    }
  } catch (error) {
    throw faultOf(error, place, over)
  } finally {
    socket.destroy()
  }
}

type Asking = {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string | undefined
}

async function asked(
  ask: typeof request,
  { socket, over }: { readonly place: Place; readonly socket: Socket; readonly over: AbortSignal },
  { method, path, headers, text }: Asking,
): Promise<IncomingMessage> {
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = ask({ method, path, headers, signal: over, createConnection: () => socket }, resolve)
    sent.setTimeout(silenceMs, () => void sent.destroy(new Silence()))
    sent.once('error', reject)
    sent.end(text)
  })
}

async function textOf(response: IncomingMessage, place: Place): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length
    if (length > mostBytes)
      throw new PowerFault('malformed', `${hostOf(place)} answers with more than a megabyte.`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** A connection to one that has proved who it is. */
async function proven(place: Place, over: AbortSignal): Promise<Socket> {
  const { host, port, trust } = place
  if (over.aborted) throw tooSlow()
  const name = isIP(host) === 0 ? { servername: host } : {}
  const socket =
    trust === undefined
      ? connect({ host, port })
      : connectSecurely({ host, port, ...name, rejectUnauthorized: trust.kind === 'authority' })
  const stop = (): void => void socket.destroy(new Error('stopped'))
  over.addEventListener('abort', stop, { once: true })
  socket.setTimeout(silenceMs, () => socket.destroy(new Silence()))
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(trust === undefined ? 'connect' : 'secureConnect', resolve)
      socket.once('error', reject)
    })
    if (trust?.kind === 'fingerprint') mustBe(trust.sha256, fingerprintOf(socket), place)
    return socket
  } catch (error) {
    socket.destroy()
    if (trust?.kind === 'authority' && isStrange(error)) {
      throw await stranger(place, codeOf(error), over)
    }
    throw faultOf(error, place, over)
  } finally {
    over.removeEventListener('abort', stop)
    socket.setTimeout(0)
  }
}

/** Of the certificate in its DER form, as `openssl x509 -fingerprint -sha256` shows it. */
function fingerprintOf(socket: Socket): string | undefined {
  const certificate =
    'getPeerX509Certificate' in socket && typeof socket.getPeerX509Certificate === 'function'
      ? (socket.getPeerX509Certificate() as { readonly raw: Buffer } | undefined)
      : undefined
  return certificate === undefined ? undefined : createHash('sha256').update(certificate.raw).digest('hex')
}

function mustBe(wanted: string, shown: string | undefined, place: Place): void {
  if (shown === wanted) return
  const sentence = `${hostOf(place)} is not the one of the settings: its certificate has the SHA-256 ${inPairs(shown)}, and ${inPairs(wanted)} is pinned. Look whether somebody stands between, or the BMC made a new one.`
  throw new PowerFault('stranger', sentence)
}

/** Who refuses a certificate should see which, to compare it with what the BMC itself shows. */
async function stranger(place: Place, code: string, over: AbortSignal): Promise<PowerFault> {
  const shown = await proven({ ...place, trust: { kind: 'insecure' } }, over).then(
    (socket) => {
      const fingerprint = fingerprintOf(socket)
      socket.destroy()
      return fingerprint
    },
    () => undefined,
  )
  const said = connectionWords[code] ?? code
  const pin =
    shown === undefined
      ? ''
      : ` Its certificate has the SHA-256 ${inPairs(shown)}: compare that with what the BMC itself shows, and write it as \`fingerprint:\`.`
  return new PowerFault('stranger', `${hostOf(place)} does not prove who it is: ${said}.${pin}`)
}

function inPairs(sha256: string | undefined): string {
  return sha256?.toUpperCase().match(/../g)?.join(':') ?? '(none)'
}

class Silence extends Error {
  constructor() {
    super(`it said nothing for ${silenceMs / 1000} seconds`)
  }
}

/** OpenSSL's words for a certificate of another authority, for another name, or of another time. */
function isStrange(error: unknown): boolean {
  return /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/.test(
    codeOf(error),
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function faultOf(error: unknown, place: Place, over: AbortSignal): unknown {
  if (error instanceof PowerFault) return error
  if (over.aborted) return tooSlow()
  if (!(error instanceof Error)) return error
  const code = codeOf(error)
  const said = connectionWords[code] ?? printable(error.message.split(';')[0] ?? '', 200)
  if (code.startsWith('HPE_')) {
    return new PowerFault('malformed', `${hostOf(place)} does not answer as HTTP does: ${said}.`)
  }
  return new PowerFault('unreachable', `${hostOf(place)}: ${said}.`, { cause: error })
}

function tooSlow(): PowerFault {
  return new PowerFault('too-slow', 'It took longer than it may.')
}

function hostOf({ host, port }: Place): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
