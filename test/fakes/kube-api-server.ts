import { once } from 'node:events'
import { createServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import {
  anybody,
  bootstrapUser,
  daemonPod,
  forbiddenLabel,
  mayInJoining,
  signedClusterInfo,
} from './kube-bootstrap.ts'
import type { KubeEtcd } from './kube-etcd.ts'
import {
  KubeObjects,
  KubeRefusal,
  type KubeChange,
  type KubeObject,
  type KubeVersions,
  type KubeWrite,
} from './kube-objects.ts'

export type KubeUser = { readonly name: string; readonly groups: readonly string[] }

export type KubeServerSettings = {
  readonly certificate: string
  readonly privateKey: string
  /** Whose client certificates are believed. */
  readonly clientCa: string
  readonly tokens: ReadonlyMap<string, KubeUser>
  /** Whether a user may do something; absent, system:masters and kubeadm:cluster-admins may do all. */
  readonly allows?: (user: KubeUser, verb: string, resource: string) => boolean
  /** What keeps a pod from being evicted, as the budget that would be broken; absent, nothing does. */
  readonly budget?: (pod: KubeObject) => string | undefined
  readonly bookmarkMs?: number
  /** Changes that are kept for watches. */
  readonly historyLength?: number
  /** Where it listens; left out, on loopback. */
  readonly host?: string
  /** As `v1.36.5`, which it is when this is left out. */
  readonly version?: string
  /**
   * Signs the request of a kubelet, as PEM. Where it is given, machines join as they do with kubeadm: by bootstrap tokens, with
   * cluster-info, and each DaemonSet has a pod on every node. Left out, who shows nothing is refused.
   */
  readonly signs?: (request: string) => Promise<string>
  /** Where everything is kept, by all servers of a cluster; left out, in memory. */
  readonly etcd?: KubeEtcd
}

export type KubeServer = AsyncDisposable & {
  readonly port: number
  readonly nodes: KubeObjects
  readonly secrets: KubeObjects
  readonly pods: KubeObjects
  /** What was applied, by its path without its name, as `/apis/apps/v1/namespaces/kube-flannel/daemonsets`. */
  readonly applied: ReadonlyMap<string, KubeObjects>
  /** Each request, as `GET /api/v1/nodes`. */
  readonly asked: readonly string[]
  /** Breaks all connections, as when a server dies. */
  readonly breakConnections: () => void
  /** What is written to each watch as it stands, beside the protocol. */
  readonly writeToWatches: (bytes: string) => void
}

/**
 * A stand-in for kube-apiserver, for the routes that the box uses: TLS, client certificates and tokens, versions, pages,
 * conflicts, merge patches, watches with bookmarks, and 410 for what is forgotten.
 */
export async function kubeApiServer(settings: KubeServerSettings, port = 0): Promise<KubeServer> {
  const versions: KubeVersions = { now: 1_000 }
  const { signs, etcd } = settings
  const follow = signs === undefined ? undefined : followNode
  const nodes = new KubeObjects('nodes', versions, settings.historyLength ?? 100, follow)
  const secrets = new KubeObjects('secrets', versions, settings.historyLength ?? 100)
  const pods = new KubeObjects('pods', versions, settings.historyLength ?? 100)
  const applied = new Map<string, KubeObjects>()
  const collections = new Map<string, Collection>([
    ['/api/v1/nodes', { resource: 'nodes', objects: nodes }],
    ['/api/v1/namespaces/kube-system/secrets', { resource: 'secrets', objects: secrets }],
    ...(signs === undefined ? [] : collectionsForJoining(versions)),
    ...(signs === undefined ? [] : ([[podsPath, { resource: 'pods', objects: pods }]] as const)),
  ])
  const asked: string[] = []
  let turns: Promise<unknown> = Promise.resolve()
  let isBegun = false
  let isLooking = false
  const watches = new Set<ServerResponse>()
  const pages = new Map<string, { readonly rest: readonly KubeObject[]; readonly version: string }>()
  const open = new Set<Socket>()
  /** Those in a handshake among them, which HTTP does not know yet. */
  const breakConnections = (): void => open.forEach((socket) => socket.destroy())
  const server = createServer(
    {
      cert: settings.certificate,
      key: settings.privateKey,
      ca: settings.clientCa,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => void answer(request, response),
  )
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  const looks = etcd === undefined ? undefined : setInterval(look, lookMs)
  server.listen(port, settings.host ?? '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    nodes,
    secrets,
    pods,
    applied,
    asked,
    breakConnections,
    writeToWatches: (bytes) => watches.forEach((watch) => watch.write(bytes)),
    async [Symbol.asyncDispose]() {
      clearInterval(looks)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      breakConnections()
      await closed
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      asked.push(`${request.method} ${request.url}`)
      const text = Buffer.concat((await request.toArray()) as Buffer[]).toString('utf8')
      const reply = await inTurn(async () => {
        const user = userOf(request)
        if (user === undefined) throw new KubeRefusal(401, 'Unauthorized', 'Unauthorized')
        return await respond(request, user, text)
      })
      reply(response)
    } catch (error) {
      if (!(error instanceof KubeRefusal)) throw error
      send(response, error.code, statusOf(error))
    }
  }

  /** Without etcd at once; else one after another, from what is kept, and again where another server has written meanwhile. */
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (etcd === undefined) return await work()
    const turn = turns.then(async () => await fromKept(etcd, work))
    turns = turn.catch(() => undefined)
    return await turn
  }

  async function fromKept<T>(kept: KubeEtcd, work: () => Promise<T>): Promise<T> {
    for (;;) {
      await orRefused(catchUp(kept))
      const before = versions.now
      const writes: KubeWrite[] = []
      versions.turn = writes
      let isKept = false
      try {
        const done = await work()
        isKept = writes.length === 0 || (await orRefused(keep(kept, writes)))
        if (isKept) {
          for (const { objects, change } of writes) objects.tell(change)
          return done
        }
      } finally {
        delete versions.turn
        if (!isKept) {
          for (const write of writes.toReversed()) write.objects.undo(write)
          versions.now = before
        }
      }
    }
  }

  async function catchUp(kept: KubeEtcd): Promise<void> {
    const { version, changed, gone } = await kept.read()
    versions.now = Math.max(versions.now, version)
    const objects = changed
      .map(({ path, text }) => ({ at: keptAt(path), object: JSON.parse(text) as KubeObject }))
      .toSorted(
        (a, b) => Number(a.object.metadata.resourceVersion) - Number(b.object.metadata.resourceVersion),
      )
    for (const { at, object } of objects) {
      at.objects.take({ type: at.objects.has(at.name) ? 'MODIFIED' : 'ADDED', object })
    }
    for (const path of gone) {
      const at = keptAt(path)
      const before = at.objects.get(at.name)
      const metadata = { ...before.metadata, resourceVersion: String(version) }
      at.objects.take({ type: 'DELETED', object: { ...before, metadata } })
    }
    // What was before this server was there it cannot tell.
    if (!isBegun) for (const one of allObjects().values()) one.compact()
    isBegun = true
  }

  async function keep(kept: KubeEtcd, writes: readonly KubeWrite[]): Promise<boolean> {
    const folders = new Map([...allObjects()].map(([folder, objects]) => [objects, folder]))
    const puts = new Map<string, string>()
    const deletes = new Set<string>()
    for (const { objects, change } of writes) {
      const path = `${folders.get(objects) ?? ''}/${change.object.metadata.name}`
      deletes.delete(path)
      puts.delete(path)
      if (change.type === 'DELETED') deletes.add(path)
      else puts.set(path, JSON.stringify(change.object))
    }
    return await kept.write(versions.now, puts, [...deletes])
  }

  function allObjects(): ReadonlyMap<string, KubeObjects> {
    return new Map([...[...collections].map(([path, { objects }]) => [path, objects] as const), ...applied])
  }

  function keptAt(path: string): { readonly objects: KubeObjects; readonly name: string } {
    const [, folder = '', name = ''] = /^(.*)\/([^/]+)$/.exec(path) ?? []
    const known = collections.get(folder)?.objects ?? applied.get(folder)
    if (known !== undefined) return { objects: known, name }
    const objects = new KubeObjects(folder.split('/').at(-1) ?? '', versions, 100)
    applied.set(folder, objects)
    return { objects, name }
  }

  /** What other servers have written, for those who watch. */
  function look(): void {
    if (watches.size === 0 || isLooking) return
    isLooking = true
    void inTurn(async () => await Promise.resolve())
      .catch(() => undefined)
      .finally(() => (isLooking = false))
  }

  function userOf(request: IncomingMessage): KubeUser | undefined {
    const socket = request.socket as TLSSocket
    if (socket.authorized) {
      const { subject } = socket.getPeerCertificate()
      const groups = [subject.O].flat().filter((group) => group !== undefined)
      return { name: String(subject.CN), groups }
    }
    const { authorization } = request.headers
    if (authorization === undefined && signs !== undefined) return anybody
    const shown = /^Bearer (.+)$/.exec(authorization ?? '')?.[1] ?? ''
    const known = settings.tokens.get(shown)
    return known ?? (signs === undefined ? undefined : bootstrapUser(shown, secrets, Date.now()))
  }

  async function respond(request: IncomingMessage, user: KubeUser, text: string): Promise<Reply> {
    const url = new URL(request.url ?? '/', 'https://x')
    const { method = 'GET' } = request
    if (url.pathname === '/version') {
      return answerWith(200, { major: '1', gitVersion: settings.version ?? 'v1.36.5' })
    }
    if (url.pathname === '/readyz') return answerWith(200, { kind: 'Status', status: 'Success' })
    if (url.pathname === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews' && method === 'POST') {
      const review = JSON.parse(text) as {
        spec: { resourceAttributes: { verb: string; resource: string; subresource?: string } }
      }
      const { verb, resource, subresource } = review.spec.resourceAttributes
      const named = subresource === undefined ? resource : `${resource}/${subresource}`
      return answerWith(201, { ...review, status: { allowed: allows(user, verb, named) } })
    }
    if (request.headers['content-type'] === applyType) return apply(url, user, text)
    const [, evicted] = /^\/api\/v1\/namespaces\/[^/]+\/pods\/([^/]+)\/eviction$/.exec(url.pathname) ?? []
    if (evicted !== undefined && method === 'POST') return evict(evicted, user, text)
    if (url.pathname === '/api/v1/pods' && method === 'GET') {
      refuseUnless(allows(user, 'list', 'pods'), user, 'list', 'pods')
      return answerWith(200, page(pods, url.searchParams))
    }
    const at = placeOf(url.pathname)
    if (at === undefined) throw new KubeRefusal(404, 'NotFound', 'the server could not find it')
    const { objects, resource, name } = at
    const verb = verbOf(method, name, url.searchParams.get('watch') === '1')
    const named = verb === 'create' ? (JSON.parse(text) as Named).metadata?.name : name
    refuseUnless(allows(user, verb, resource, named), user, verb, resource)
    if (verb === 'watch') return (response) => watch(objects, url.searchParams, response)
    if (verb === 'list') return answerWith(200, page(objects, url.searchParams))
    if (verb === 'create') return answerWith(201, await create(objects, withData(read(text, request)), user))
    if (verb === 'patch') return answerWith(200, objects.merge(name ?? '', patchIn(text, request)))
    if (verb === 'delete') return answerWith(200, objects.delete(name ?? ''))
    const found = objects.get(name ?? '')
    return answerWith(200, name === 'cluster-info' ? signedClusterInfo(found, secrets, Date.now()) : found)
  }

  /** The objects of a path, and whose name it has; a subresource stands behind it. */
  function placeOf(path: string): (Collection & { readonly name?: string }) | undefined {
    const all = collections.get(path)
    if (all !== undefined) return all
    const [, folder = '', name = ''] = /^(.*)\/([^/]+)$/.exec(path.replace(/\/status$/, '')) ?? []
    const status = path.endsWith('/status') ? '/status' : ''
    const found = collections.get(folder)
    if (found !== undefined) return { ...found, resource: `${found.resource}${status}`, name }
    const objects = signs === undefined ? undefined : applied.get(folder)
    return objects === undefined ? undefined : { resource: folder.split('/').at(-1) ?? '', objects, name }
  }

  async function create(
    objects: KubeObjects,
    wanted: { readonly metadata: { readonly name: string } },
    user: KubeUser,
  ): Promise<KubeObject> {
    if (objects === nodes && user.groups.includes('system:nodes')) {
      const { labels = {} } = wanted.metadata as { readonly labels?: Readonly<Record<string, string>> }
      const label = forbiddenLabel(labels)
      if (label !== undefined) {
        throw new KubeRefusal(403, 'Forbidden', `is not allowed to set the following labels: ${label}`)
      }
    }
    const { request } = ((wanted as { readonly spec?: unknown }).spec ?? {}) as { readonly request?: string }
    if (signs === undefined || objects !== collections.get(requestsPath)?.objects || request === undefined) {
      return objects.create(wanted)
    }
    const certificate = btoa(await signs(atob(request)))
    const signed = { ...wanted, status: { certificate } }
    return objects.create(signed)
  }

  function followNode({ type, object }: KubeChange): void {
    const { name } = object.metadata
    if (type === 'ADDED') daemonSets().forEach((set) => void pods.create(daemonPod(set, name)))
    if (type !== 'DELETED') return
    const gone = pods.all().filter((pod) => (pod['spec'] as { nodeName?: string }).nodeName === name)
    for (const { metadata } of gone) pods.delete(metadata.name)
  }

  function daemonSets(): readonly KubeObject[] {
    return [...applied].flatMap(([path, objects]) => (path.endsWith('/daemonsets') ? objects.all() : []))
  }

  function allows(user: KubeUser, verb: string, resource: string, name = ''): boolean {
    const own = settings.allows?.(user, verb, resource)
    if (own !== undefined) return own
    if (user.groups.includes('system:masters')) return true
    // A group that kubeadm binds to its role when the API server is up.
    const isBound =
      signs === undefined || collections.get(bindingsPath)?.objects.has('kubeadm:cluster-admins')
    if (isBound === true && user.groups.includes('kubeadm:cluster-admins')) return true
    return signs !== undefined && mayInJoining(user, verb, resource, name)
  }

  /** Server-side apply, by one who takes over whatever it speaks of. */
  function apply(url: URL, user: KubeUser, text: string): Reply {
    const [, folder = '', resource = '', name = ''] = /^(.*\/([a-z]+))\/([^/]+)$/.exec(url.pathname) ?? []
    refuseUnless(allows(user, 'patch', resource), user, 'patch', resource)
    if (url.searchParams.get('fieldManager') === null) {
      throw new KubeRefusal(422, 'Invalid', 'metadata.managedFields.manager: Required value')
    }
    const object = JSON.parse(text) as {
      readonly metadata: { readonly name: string; readonly namespace?: string }
    }
    const within = /\/namespaces\/([^/]+)\/(?!namespaces)/.exec(url.pathname)?.[1]
    if (object.metadata.name !== name || object.metadata.namespace !== within) {
      throw new KubeRefusal(
        400,
        'BadRequest',
        'the name or the namespace of the object is not that of the request',
      )
    }
    const namespaces = applied.get('/api/v1/namespaces')
    if (within !== undefined && namespaces?.all().some(({ metadata }) => metadata.name === within) !== true) {
      throw new KubeRefusal(404, 'NotFound', `namespaces "${within}" not found`)
    }
    const objects = applied.get(folder) ?? new KubeObjects(resource, versions, 100)
    applied.set(folder, objects)
    const isThere = objects.all().some(({ metadata }) => metadata.name === name)
    const kept = isThere ? objects.merge(name, object) : objects.create(object)
    if (signs !== undefined && resource === 'daemonsets' && !isThere) {
      for (const { metadata } of nodes.all()) pods.create(daemonPod(kept, metadata.name))
    }
    return answerWith(isThere ? 200 : 201, kept)
  }

  function evict(name: string, user: KubeUser, text: string): Reply {
    refuseUnless(allows(user, 'create', 'pods/eviction'), user, 'create', 'pods/eviction')
    const pod = pods.get(name)
    const { kind, apiVersion } = JSON.parse(text) as { readonly kind?: string; readonly apiVersion?: string }
    if (kind !== 'Eviction' || apiVersion !== 'policy/v1')
      throw new KubeRefusal(400, 'BadRequest', 'no Eviction')
    const budget = settings.budget?.(pod)
    if (budget !== undefined) {
      const message = `Cannot evict pod as it would violate the pod's disruption budget. The disruption budget ${budget} needs 1 healthy pods and has 1 currently`
      throw new KubeRefusal(429, 'TooManyRequests', message)
    }
    pods.delete(name)
    return answerWith(201, { kind: 'Status', apiVersion: 'v1', status: 'Success' })
  }

  function page(objects: KubeObjects, query: URLSearchParams): unknown {
    const token = query.get('continue')
    const begun = token === null ? undefined : pages.get(token)
    if (token !== null && begun === undefined) {
      throw new KubeRefusal(410, 'Expired', 'The provided continue parameter is too old')
    }
    const [, node] = /^spec\.nodeName=(.*)$/.exec(query.get('fieldSelector') ?? '') ?? []
    const selected = objects
      .all()
      .filter(
        (one) => node === undefined || (one['spec'] as { nodeName?: string } | undefined)?.nodeName === node,
      )
    const from = begun ?? { rest: selected, version: String(versions.now) }
    const limit = Number(query.get('limit') ?? '0') || from.rest.length
    const items = from.rest.slice(0, limit)
    const rest = from.rest.slice(limit)
    const next = rest.length === 0 ? undefined : crypto.randomUUID()
    if (next !== undefined) pages.set(next, { rest, version: from.version })
    return {
      kind: 'List',
      apiVersion: 'v1',
      metadata: { resourceVersion: from.version, continue: next },
      items,
    }
  }

  function watch(objects: KubeObjects, query: URLSearchParams, response: ServerResponse): void {
    const begin = (): void => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
    }
    const tell = (
      change: KubeChange | { readonly type: 'BOOKMARK' | 'ERROR'; readonly object: unknown },
    ): void => void response.write(`${JSON.stringify(change)}\n`)
    let missed: readonly KubeChange[]
    try {
      missed = objects.since(query.get('resourceVersion') ?? '')
    } catch (error) {
      // What is forgotten is told in the stream (apiserver, Cacher.Watch).
      if (!(error instanceof KubeRefusal) || error.code !== 410) throw error
      begin()
      tell({ type: 'ERROR', object: statusOf(error) })
      response.end()
      return
    }
    begin()
    for (const change of missed) tell(change)
    const end = objects.subscribe(tell)
    const bookmarks = setInterval(() => {
      if (query.get('allowWatchBookmarks') !== 'true') return
      const metadata = { resourceVersion: String(versions.now), creationTimestamp: null }
      tell({ type: 'BOOKMARK', object: { kind: 'Node', apiVersion: 'v1', metadata } })
    }, settings.bookmarkMs ?? 60_000)
    const seconds = Number(query.get('timeoutSeconds') ?? '1800')
    const timeout = setTimeout(() => response.end(), seconds * 1_000)
    watches.add(response)
    response.once('close', () => {
      end()
      clearInterval(bookmarks)
      clearTimeout(timeout)
      watches.delete(response)
    })
  }
}

/** How often a server asks etcd for those who watch. */
const lookMs = 200

/** As the API server tells what its etcd does not do. */
async function orRefused<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    throw new KubeRefusal(
      500,
      'InternalError',
      `etcdserver: ${error instanceof Error ? error.message : 'away'}`,
    )
  }
}

/** What is sent when what it speaks of is kept. */
type Reply = (response: ServerResponse) => void

const answerWith =
  (status: number, body: unknown): Reply =>
  (response) =>
    send(response, status, body)

type Collection = { readonly resource: string; readonly objects: KubeObjects }
type Named = { readonly metadata?: { readonly name?: string } }

const podsPath = '/api/v1/namespaces/kube-system/pods'
const requestsPath = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const rightsPath = '/apis/rbac.authorization.k8s.io/v1'
const bindingsPath = `${rightsPath}/clusterrolebindings`

function collectionsForJoining(versions: KubeVersions): readonly (readonly [string, Collection])[] {
  const ofNamespaces = ['kube-system', 'kube-public'].flatMap((namespace) => [
    `/api/v1/namespaces/${namespace}/configmaps`,
    `${rightsPath}/namespaces/${namespace}/roles`,
    `${rightsPath}/namespaces/${namespace}/rolebindings`,
  ])
  return [...ofNamespaces, requestsPath, bindingsPath, `${rightsPath}/clusterroles`].map((path) => {
    const resource = path.split('/').at(-1) ?? ''
    return [path, { resource, objects: new KubeObjects(resource, versions, 100) }]
  })
}

const applyType = 'application/apply-patch+yaml'

function refuseUnless(isAllowed: boolean, user: KubeUser, verb: string, resource: string): void {
  if (isAllowed) return
  const message = `${resource} is forbidden: User "${user.name}" cannot ${verb} resource "${resource}"`
  throw new KubeRefusal(403, 'Forbidden', message)
}

function verbOf(method: string, name: string | undefined, isWatch: boolean): string {
  if (method === 'GET') return name === undefined ? (isWatch ? 'watch' : 'list') : 'get'
  const verb = { POST: 'create', PATCH: 'patch', DELETE: 'delete' }[method]
  if (verb === undefined) throw new KubeRefusal(405, 'MethodNotAllowed', `${method} is not supported`)
  return verb
}

function read(
  text: string,
  request: IncomingMessage,
): { readonly metadata: { readonly name: string }; readonly stringData?: unknown } {
  if (request.headers['content-type'] !== 'application/json') throw unsupported()
  const value = JSON.parse(text) as {
    readonly apiVersion?: unknown
    readonly metadata?: { readonly name?: unknown }
    readonly stringData?: unknown
  }
  const name = value.metadata?.name
  // DNS-1123 subdomain, as the API has it for nodes and secrets; names of roles and bindings are freer.
  const isOfRoles = String(value.apiVersion).startsWith('rbac.')
  const form = isOfRoles ? /^[^/%]{1,253}$/ : /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/
  if (typeof name !== 'string' || !form.test(name)) {
    throw new KubeRefusal(422, 'Invalid', `metadata.name: Invalid value: ${JSON.stringify(name)}`)
  }
  return { ...value, metadata: { ...value.metadata, name } }
}

/** Texts of a secret are kept as base64 beside its data. */
function withData<T extends { readonly stringData?: unknown }>({
  stringData,
  ...object
}: T): Omit<T, 'stringData'> {
  if (stringData === undefined) return object
  const texts = Object.entries(stringData as Readonly<Record<string, string>>)
  return { ...object, data: Object.fromEntries(texts.map(([key, text]) => [key, btoa(text)])) }
}

function patchIn(text: string, request: IncomingMessage): Readonly<Record<string, unknown>> {
  if (request.headers['content-type'] !== 'application/merge-patch+json') throw unsupported()
  return JSON.parse(text) as Readonly<Record<string, unknown>>
}

function unsupported(): KubeRefusal {
  return new KubeRefusal(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format')
}

function statusOf({ code, reason, message }: KubeRefusal): unknown {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
