import { X509Certificate, createPrivateKey } from 'node:crypto'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { printable } from '../wire/text.ts'

/** How a cluster's API is reached, and who the box is there. */
export type KubeTarget = {
  readonly server: string
  /** Authorities, as PEM. */
  readonly ca: string
  /** The name that the certificate must have, where that is not the one in `server`. */
  readonly tlsServerName: string | undefined
  readonly credential:
    | { readonly kind: 'token'; readonly token: string }
    | { readonly kind: 'certificate'; readonly certificate: string; readonly privateKey: string }
}

export type ReadKubeconfig =
  | { readonly kind: 'target'; readonly target: KubeTarget }
  | { readonly kind: 'refused'; readonly because: string }

const mostBytes = 1024 * 1024

/** The cluster and the user that a context of a kubeconfig names. Programs it would have run, and files it names, are refused. */
export function readKubeconfig(text: string, contextName: string | undefined): ReadKubeconfig {
  try {
    return { kind: 'target', target: targetIn(text, contextName) }
  } catch (error) {
    if (error instanceof NotUsable) return { kind: 'refused', because: error.message }
    throw error
  }
}

/** Why a kubeconfig cannot be used, as a sentence. */
class NotUsable extends Error {}

const most = 1_000
const fields = z.record(z.string(), z.unknown())

const schema = z.object({
  'current-context': z.string().optional(),
  contexts: z
    .array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) }))
    .max(most),
  clusters: z.array(z.object({ name: z.string(), cluster: fields })).max(most),
  users: z.array(z.object({ name: z.string(), user: fields })).max(most),
})

const flatten = 'Write one that has everything in it: kubectl config view --raw --flatten --minify'

function targetIn(text: string, contextName: string | undefined): KubeTarget {
  const file = fileIn(text)
  const wanted = contextName ?? file['current-context']
  if (wanted === undefined || wanted === '') {
    const names = file.contexts.map(({ name }) => printable(name, 60)).join(', ')
    throw new NotUsable(`it has no current-context. Name a context with --context: ${names || 'it has none'}`)
  }
  const { context } = named(file.contexts, wanted, 'context')
  const { cluster } = named(file.clusters, context.cluster, 'cluster')
  const { user } = named(file.users, context.user, 'user')
  return {
    server: serverOf(cluster),
    ca: caOf(cluster),
    tlsServerName: textIn(cluster, 'tls-server-name'),
    credential: credentialOf(user),
  }
}

function fileIn(text: string): z.output<typeof schema> {
  if (text.length > mostBytes) throw new NotUsable('it is larger than 1 MiB')
  // An alias can stand for as much as one likes; none is needed here.
  const document = parseDocument(text, { version: '1.1' })
  const [error] = document.errors
  if (error !== undefined)
    throw new NotUsable(`it is not YAML: ${printable(error.message.split('\n')[0] ?? '')}`)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 0 })
  } catch {
    throw new NotUsable('it has aliases of YAML, which a kubeconfig has not')
  }
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new NotUsable(
    issue === undefined || issue.path.length === 0
      ? 'it is not a kubeconfig, which is YAML with clusters, contexts and users (kubectl config view --raw)'
      : `it is not a kubeconfig: ${printable(issue.path.join('.'))} is not as it should be`,
  )
}

function named<T extends { readonly name: string }>(list: readonly T[], name: string, kind: string): T {
  const found = list.find((one) => one.name === name)
  if (found !== undefined) return found
  throw new NotUsable(`it has no ${kind} with the name ${printable(name, 60)}`)
}

type Entry = { readonly [key: string]: unknown }

function textIn(from: Entry, key: string): string | undefined {
  const value = from[key]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  throw new NotUsable(`${key} is not text`)
}

function serverOf(cluster: Entry): string {
  const server = textIn(cluster, 'server')
  if (server === undefined || !URL.canParse(server)) throw new NotUsable('its cluster has no server')
  const url = new URL(server)
  if (url.protocol !== 'https:') {
    throw new NotUsable(
      `its server ${printable(server)} is not reached by https, and a token would be read on the way`,
    )
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new NotUsable('its server has more than a host, a port and a path')
  }
  return url.href.replace(/\/+$/, '')
}

function caOf(cluster: Entry): string {
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw new NotUsable(
      'it has insecure-skip-tls-verify; nodes are pinned to the authority of their cluster. Give it that instead',
    )
  }
  if (textIn(cluster, 'proxy-url') !== undefined)
    throw new NotUsable('it has a proxy-url, which is not supported')
  if (textIn(cluster, 'certificate-authority') !== undefined)
    throw new NotUsable(`it names a file of certificates. ${flatten}`)
  const ca = pemIn(cluster, 'certificate-authority-data')
  if (ca === undefined)
    throw new NotUsable('its cluster has no certificate-authority-data, to which nodes are pinned')
  if (certificatesIn(ca).some((certificate) => !certificate.ca)) {
    throw new NotUsable('certificate-authority-data has a certificate that is no authority')
  }
  return ca
}

/** Ways in that would run a program of the file's choice, or read a file of its choice. */
const notSupported: readonly (readonly [string, string])[] = [
  ['exec', 'it starts a program to sign in, which is not done here. Give it the token of a service account'],
  [
    'auth-provider',
    'it signs in by a provider, which Kubernetes knows no more. Give it the token of a service account',
  ],
  [
    'username',
    'it has a name and a password, which Kubernetes knows no more. Give it the token of a service account',
  ],
  ['tokenFile', `it names a file with a token. ${flatten}`],
  ['client-certificate', `it names a file of certificates. ${flatten}`],
  ['client-key', `it names a file with a key. ${flatten}`],
  ['as', 'it acts as somebody else. Give it a user of its own'],
]

function credentialOf(user: Entry): KubeTarget['credential'] {
  for (const [key, because] of notSupported) {
    if (user[key] !== undefined && user[key] !== null && user[key] !== '') throw new NotUsable(because)
  }
  const token = textIn(user, 'token')
  const certificate = pemIn(user, 'client-certificate-data')
  const privateKey = pemIn(user, 'client-key-data')
  if (certificate !== undefined && privateKey !== undefined) {
    const [own] = certificatesIn(certificate)
    if (own?.checkPrivateKey(keyIn(privateKey)) !== true) {
      throw new NotUsable('client-key-data is not the key of client-certificate-data')
    }
    return { kind: 'certificate', certificate, privateKey }
  }
  if (token === undefined)
    throw new NotUsable('its user has neither a token nor a client certificate with its key')
  // It becomes a header of HTTP.
  if (!/^[A-Za-z0-9._~+/=-]{1,16384}$/.test(token))
    throw new NotUsable('its token has characters that no token has')
  return { kind: 'token', token }
}

function pemIn(from: Entry, key: string): string | undefined {
  const data = textIn(from, key)
  if (data === undefined) return undefined
  const pem = Buffer.from(data, 'base64').toString('utf8')
  if (!pem.includes('-----BEGIN ')) throw new NotUsable(`${key} is not PEM in base64`)
  return pem
}

function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new NotUsable('there is no certificate where one should be')
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    throw new NotUsable('a certificate in it is damaged')
  }
}

function keyIn(pem: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new NotUsable('client-key-data is not a private key, or has a password')
  }
}
