import { X509Certificate } from 'node:crypto'
import type { RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { fingerprintOf } from '../access/fingerprint.ts'
import { endInSilence, silentBox } from './silence.ts'
import { Sorry } from './sorry.ts'

/** A box elsewhere, and by what it is known. */
export type RemoteBox = {
  /** `https://10.0.0.1:8443`. */
  readonly server: URL
  readonly token: string | undefined
  readonly knownBy:
    | { readonly kind: 'authority'; readonly pem: string }
    | { readonly kind: 'fingerprint'; readonly fingerprint: string }
}

export type Question = {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly signal: AbortSignal | undefined
  /** A stream says something every 15 seconds. */
  readonly silenceMs: number
}

const authorityLimitBytes = 64 * 1024

/** Asks a box over HTTPS. The token leaves only after the box has shown that it is the one that is meant. */
export async function askRemote(
  box: RemoteBox,
  { method, path, body, signal, silenceMs }: Question,
): Promise<IncomingMessage> {
  const ca =
    box.knownBy.kind === 'authority' ? box.knownBy.pem : await pinnedAuthority(box, { signal, silenceMs })
  const text = body === undefined ? undefined : JSON.stringify(body)
  const headers = {
    ...(box.token === undefined ? {} : { Authorization: `Bearer ${box.token}` }),
    ...(text === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) }),
  }
  return await asked(
    box.server,
    { method, path, ca, headers, timeout: silenceMs, ...(signal === undefined ? {} : { signal }) },
    text,
  )
}

const fetched = new Map<string, string>()

/** The authority that the box shows, when it has the fingerprint that was named. Until then nothing that it says is believed. */
export async function pinnedAuthority(
  { server, knownBy }: RemoteBox,
  { signal, silenceMs: timeout }: Pick<Question, 'signal' | 'silenceMs'>,
): Promise<string> {
  if (knownBy.kind === 'authority') return knownBy.pem
  const key = `${server.origin} ${knownBy.fingerprint}`
  const known = fetched.get(key)
  if (known !== undefined) return known
  const unproven = { method: 'GET', path: '/api/v1/authority.pem', rejectUnauthorized: false, timeout }
  const response = await asked(server, signal === undefined ? unproven : { ...unproven, signal }, undefined)
  let pem = ''
  for await (const chunk of response.setEncoding('utf8')) {
    pem += chunk
    if (pem.length > authorityLimitBytes)
      throw new Sorry(`${server.origin} shows no certificate of an authority`)
  }
  const shown = fingerprintIn(pem)
  if (shown === undefined || response.statusCode !== 200)
    throw new Sorry(
      `${server.origin} shows no certificate of an authority`,
      'Is that the API of an Ironwake box?',
    )
  if (shown !== knownBy.fingerprint) {
    throw new Sorry(
      `${server.origin} is not the box that you named: its authority is ${shown}, not ${knownBy.fingerprint}. Nothing was sent to it.`,
      'Compare with `ironwake ca show` on the box. Where they differ, somebody stands between you and the box.',
    )
  }
  fetched.set(key, pem)
  return pem
}

function fingerprintIn(pem: string): string | undefined {
  try {
    return fingerprintOf(new X509Certificate(pem))
  } catch {
    return undefined
  }
}

async function asked(
  server: URL,
  options: RequestOptions & { readonly timeout: number },
  body: string | undefined,
): Promise<IncomingMessage> {
  const where = { host: server.hostname, port: server.port === '' ? 443 : Number(server.port) }
  return await new Promise((resolve, reject) => {
    // `serve` loads this file, and asks nobody.
    const { request } = process.getBuiltinModule('node:https')
    const sent = request({ ...where, ...options, agent: false, minVersion: 'TLSv1.2' }, resolve)
    endInSilence(sent, () => silentBox(server.origin, options.timeout))
    sent.once('error', (error) => reject(error instanceof Sorry ? error : sorryFor(error, server)))
    sent.end(body)
  })
}

function sorryFor(error: NodeJS.ErrnoException, server: URL): Sorry {
  switch (error.code) {
    case 'ECONNREFUSED':
      return new Sorry(
        `nobody listens at ${server.origin}`,
        'The API listens over the network only where the settings of the box say (`api.listen`).',
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Sorry(`the name ${server.hostname} is not known here`)
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return new Sorry(`${server.origin} cannot be reached from here`)
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return new Sorry(
        `the certificate of the box is not for ${server.hostname}`,
        'Use an address of `api.listen`, or add the name to `api.names` in the settings of the box.',
      )
    case 'CERT_NOT_YET_VALID':
    case 'CERT_HAS_EXPIRED':
      return new Sorry(
        `the certificate of ${server.origin} does not hold now (${error.message})`,
        'Compare the clock of this machine with that of the box.',
      )
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return new Sorry(
        `${server.origin} is not the box that you named: its certificate is of another authority. Nothing was sent to it.`,
        'Compare with `ironwake ca show` on the box. Where they differ, somebody stands between you and the box.',
      )
    case 'EPROTO':
      return new Sorry(
        `${server.origin} does not speak TLS 1.2 or later`,
        'Is that the port of the API (8443)?',
      )
    default:
      return new Sorry(`${server.origin} cannot be asked: ${error.message}`)
  }
}
