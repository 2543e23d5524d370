import { fileTrouble } from '../wire/file-trouble.ts'
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { parseFingerprint } from '../access/fingerprint.ts'
import { tokenIdOf } from '../access/api-token.ts'
import type { Box } from './api-client.ts'
import type { Call } from './call.ts'
import type { RemoteBox } from './remote-box.ts'
import { socketOf } from './socket-of.ts'
import { Sorry } from './sorry.ts'
import { WronglyCalled } from './wrongly-called.ts'

/** Options of every command that can be a client of a box elsewhere. */
export const remoteOptions = {
  server: {
    type: 'string',
    about: 'a box elsewhere, as https://10.0.0.1:8443 (or IRONWAKE_SERVER); left out, the one that runs here',
  },
  'token-file': { type: 'string', about: 'the file with the token for it (or IRONWAKE_TOKEN)' },
  'ca-fingerprint': {
    type: 'string',
    about: 'the fingerprint of its authority, from `ironwake ca show` there (or IRONWAKE_CA_FINGERPRINT)',
  },
  'ca-file': { type: 'string', about: 'or the certificate of its authority (or IRONWAKE_CA_FILE)' },
} as const

/** The box that this call means: the one that runs here, by its socket file, or one elsewhere, by HTTPS. */
export function boxOf(call: Call): Box {
  const server = given(call, 'server', 'IRONWAKE_SERVER')
  if (server === undefined) {
    const of = ['token-file', 'ca-fingerprint', 'ca-file'].find((name) => call.options[name] !== undefined)
    if (of !== undefined) throw new WronglyCalled(`--${of} is for a box elsewhere: name it with --server`)
    return { socket: socketOf(call), stop: call.stop }
  }
  return { server: urlOf(server), token: tokenOf(call), knownBy: knownBy(call), stop: call.stop }
}

/** The box elsewhere that this call names, whether or not a token for it is at hand. */
export function remoteBoxOf(call: Call): RemoteBox {
  const server = given(call, 'server', 'IRONWAKE_SERVER')
  if (server === undefined) throw new WronglyCalled('name the box with --server https://ADDRESS:8443')
  return { server: urlOf(server), token: undefined, knownBy: knownBy(call) }
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && url.pathname === '/' && url.search === '' && url.username === ''
  if (url?.protocol !== 'https:' || !isPlain)
    throw new WronglyCalled('the server is written as https://10.0.0.1:8443, without a path or a name')
  return url
}

function tokenOf(call: Call): string {
  const file = call.options['token-file']
  const text = typeof file === 'string' ? tokenIn(call, file) : process.env['IRONWAKE_TOKEN']?.trim()
  if (text === undefined || text === '')
    throw new Sorry(
      'a box elsewhere wants a token',
      'Make one there (ironwake tokens create NAME --role viewer), and name its file with --token-file or put it into IRONWAKE_TOKEN.',
    )
  // What it is instead may be another secret, and is not repeated.
  if (tokenIdOf(text) === undefined)
    throw new Sorry('this is no token of Ironwake: they begin with iw_ and have 76 characters')
  return text
}

function tokenIn(call: Call, file: string): string {
  const text = textOf(file).trim()
  if ((statSync(file).mode & 0o077) !== 0) call.remark(`${file} may be read by others: chmod 600 ${file}`)
  return text
}

function knownBy(call: Call): RemoteBox['knownBy'] {
  const fingerprint = given(call, 'ca-fingerprint', 'IRONWAKE_CA_FINGERPRINT')
  const file = given(call, 'ca-file', 'IRONWAKE_CA_FILE')
  if (fingerprint !== undefined) {
    const read = parseFingerprint(fingerprint)
    if (read === undefined)
      throw new WronglyCalled(
        'a fingerprint is sha256: and 64 hexadecimal digits, as `ironwake ca show` prints it',
      )
    return { kind: 'fingerprint', fingerprint: read }
  }
  if (file === undefined)
    throw new Sorry(
      'it must be said by what the box is known',
      'Name the fingerprint that `ironwake ca show` prints there: --ca-fingerprint sha256:…',
    )
  const pem = textOf(file)
  try {
    void new X509Certificate(pem)
  } catch {
    throw new Sorry(`${file} holds no certificate`, '`ironwake ca show --pem` prints it on the box.')
  }
  return { kind: 'authority', pem }
}

/** An option counts before the variable. */
function given(call: Call, option: string, variable: string): string | undefined {
  const value = call.options[option] ?? process.env[variable]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Sorry(`${file} cannot be read: ${fileTrouble(error)}`)
  }
}
