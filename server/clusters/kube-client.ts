import { z } from 'zod'
import { printable } from '../wire/text.ts'
import { KubeFault, type KubeFaultKind } from './kube-fault.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from './kube-transport.ts'
import { manifestPath, type KubeManifest } from './kube-manifest.ts'
import { kubeNode, type KubeNode } from './kube-node.ts'
import { kubePod, type KubePod } from './kube-pod.ts'

/** A list of nodes, and the state of the cluster that it shows. */
export type NodeList = { readonly nodes: readonly KubeNode[]; readonly resourceVersion: string }

/** A change of a node, or how far the stream has come without one. */
export type NodeChange =
  | { readonly kind: 'added' | 'modified' | 'deleted'; readonly node: KubeNode }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }
  /** The first of each stream: the server has taken it up. */
  | { readonly kind: 'open' }

/** What may be asked of an API server, as its authorization knows it. */
export type KubeAction = {
  readonly verb: string
  readonly resource: string
  readonly subresource?: string
  readonly group?: string
  readonly namespace?: string
}

/** A change of a node: `null` takes a key away (RFC 7396), and without a version the last writer wins. */
export type NodePatch = {
  readonly labels?: { readonly [key: string]: string | null }
  readonly annotations?: { readonly [key: string]: string | null }
  readonly unschedulable?: boolean
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[]
  /** Makes it fail with `conflict` where the node has changed since. */
  readonly resourceVersion?: string
}

/** The few things that are asked of a cluster's API. Each fails with a `KubeFault`. */
export type KubeClient = {
  readonly version: (over: AbortSignal) => Promise<string>
  readonly mayI: (action: KubeAction, over: AbortSignal) => Promise<boolean>
  readonly listNodes: (over: AbortSignal) => Promise<NodeList>
  readonly getNode: (name: string, over: AbortSignal) => Promise<KubeNode>
  readonly patchNode: (name: string, patch: NodePatch, over: AbortSignal) => Promise<KubeNode>
  readonly deleteNode: (name: string, over: AbortSignal) => Promise<void>
  /** Changes after a state of the cluster, until the server ends the stream; a state too old is `gone`. */
  readonly watchNodes: (
    resourceVersion: string,
    over: AbortSignal,
  ) => AsyncGenerator<NodeChange, void, undefined>
  readonly createSecret: (secret: KubeSecret, over: AbortSignal) => Promise<void>
  readonly deleteSecret: (namespace: string, name: string, over: AbortSignal) => Promise<void>
  /** Brings an object into the form that it has here, and leaves to others what it does not speak of (server-side apply). */
  readonly apply: (object: KubeManifest, over: AbortSignal) => Promise<void>
  readonly podsOn: (node: string, over: AbortSignal) => Promise<readonly KubePod[]>
  /** Asks a pod to leave; one that must stay for now is `busy`, with what holds it. */
  readonly evict: (pod: Pick<KubePod, 'namespace' | 'name'>, over: AbortSignal) => Promise<void>
}

export type KubeSecret = {
  readonly namespace: string
  readonly name: string
  readonly type: string
  readonly labels?: { readonly [key: string]: string }
  readonly texts: { readonly [key: string]: string }
}

const answerMs = 15_000
/** A server sends a bookmark each minute or so; three of them missing means that nobody is there any more. */
const watchSilenceMs = 190_000
/** The server ends a stream after this, and is asked for the next: so that none lives for ever on one server of several. */
const watchSeconds = 300
/** A node with its images is 20 kB or so, and etcd takes no more than 1.5 MiB of one. */
const mostLineBytes = 4 * 1024 * 1024
const mostAnswerBytes = 32 * 1024 * 1024
const pageSize = 250
/** Kubernetes is made for 5,000 nodes, and 110 pods on each. A list that never ends would fill the memory. */
const mostListed = 20_000

export function kubeClient(transport: KubeTransport): KubeClient {
  const json = async (request: Asked, over: AbortSignal): Promise<unknown> => {
    const response = await transport.send({ silenceMs: answerMs, ...request, over })
    const text = await textOf(response)
    if (response.status >= 200 && response.status < 300) return parsed(text)
    throw faultOf(response, text)
  }

  return {
    async version(over) {
      const read = z
        .object({ gitVersion: z.string().max(64) })
        .safeParse(await json({ method: 'GET', path: '/version' }, over))
      if (!read.success) throw malformed('/version has no gitVersion')
      return read.data.gitVersion
    },
    async mayI(action, over) {
      const { verb, resource, subresource, group = '', namespace } = action
      const resourceAttributes = { verb, group, resource, subresource, namespace }
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes },
      }
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
      const answer = await json({ method: 'POST', path, body: jsonBody(review) }, over)
      const read = z.object({ status: z.object({ allowed: z.boolean() }) }).safeParse(answer)
      if (!read.success) throw malformed('a review of access has no status')
      return read.data.status.allowed
    },
    async listNodes(over) {
      const nodes: KubeNode[] = []
      for (let next = ''; ;) {
        const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`
        const answer = await json({ method: 'GET', path: `/api/v1/nodes?limit=${pageSize}${more}` }, over)
        const page = listSchema.safeParse(answer)
        if (!page.success) throw malformed('a list of nodes is not as it should be')
        nodes.push(...page.data.items.map(nodeIn))
        if (nodes.length > mostListed) throw listTooLong()
        const { resourceVersion, continue: rest } = page.data.metadata
        if (rest === undefined || rest === '') return { nodes, resourceVersion }
        next = rest
      }
    },
    async getNode(name, over) {
      return nodeIn(await json({ method: 'GET', path: nodePath(name) }, over))
    },
    async patchNode(name, patch, over) {
      const { labels, annotations, unschedulable, taints, resourceVersion } = patch
      const merged = { metadata: { labels, annotations, resourceVersion }, spec: { unschedulable, taints } }
      const body = { type: 'application/merge-patch+json', text: JSON.stringify(merged) }
      return nodeIn(await json({ method: 'PATCH', path: nodePath(name), body }, over))
    },
    async deleteNode(name, over) {
      await json({ method: 'DELETE', path: nodePath(name) }, over)
    },
    async createSecret({ namespace, name, type, labels, texts }, over) {
      const body = jsonBody({
        apiVersion: 'v1',
        kind: 'Secret',
        type,
        metadata: { name, namespace, labels },
        stringData: texts,
      })
      await json({ method: 'POST', path: secretsPath(namespace), body }, over)
    },
    async deleteSecret(namespace, name, over) {
      await json({ method: 'DELETE', path: `${secretsPath(namespace)}/${encodeURIComponent(name)}` }, over)
    },
    async apply(object, over) {
      const path = manifestPath(object)
      if (path === undefined) throw malformed(`objects of the kind ${object.kind} are not applied from here`)
      const body = { type: 'application/apply-patch+yaml', text: JSON.stringify(object) }
      await json({ method: 'PATCH', path: `${path}?fieldManager=ironwake&force=true`, body }, over)
    },
    async podsOn(node, over) {
      const pods: KubePod[] = []
      const selected = `fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}&limit=${pageSize}`
      for (let next = ''; ;) {
        const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`
        const page = listSchema.safeParse(
          await json({ method: 'GET', path: `/api/v1/pods?${selected}${more}` }, over),
        )
        if (!page.success) throw malformed('a list of pods is not as it should be')
        pods.push(...page.data.items.map(podIn))
        if (pods.length > mostListed) throw listTooLong()
        const { continue: rest } = page.data.metadata
        if (rest === undefined || rest === '') return pods
        next = rest
      }
    },
    async evict({ namespace, name }, over) {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`
      await json({ method: 'POST', path, body: jsonBody(eviction) }, over)
    },
    async *watchNodes(resourceVersion, over) {
      const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(resourceVersion)}`
      const path = `/api/v1/nodes?${query}`
      const response = await transport.send({ method: 'GET', path, silenceMs: watchSilenceMs, over })
      if (response.status !== 200) throw faultOf(response, await textOf(response))
      try {
        yield { kind: 'open' }
        for await (const line of linesOf(response.body)) {
          const change = changeIn(parsed(line))
          if (change !== undefined) yield change
        }
      } finally {
        response.close()
      }
    },
  }
}

type Asked = Pick<KubeRequest, 'method' | 'path' | 'body'>

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.unknown()),
})

const changeSchema = z.object({ type: z.string().max(32), object: z.unknown() })
const bookmarkSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) })
const changeKinds = { ADDED: 'added', MODIFIED: 'modified', DELETED: 'deleted' } as const

/** What a line of a watch says; `undefined` for a kind of change that is none of a node. */
function changeIn(line: unknown): NodeChange | undefined {
  const read = changeSchema.safeParse(line)
  if (!read.success) throw malformed('a change in a watch has no type')
  const { type, object } = read.data
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
    return { kind: changeKinds[type], node: nodeIn(object) }
  }
  if (type === 'BOOKMARK') {
    const bookmark = bookmarkSchema.safeParse(object)
    if (!bookmark.success) throw malformed('a bookmark has no resourceVersion')
    return { kind: 'bookmark', resourceVersion: bookmark.data.metadata.resourceVersion }
  }
  if (type === 'ERROR') {
    const status = statusSchema.safeParse(object)
    const { code = 500, message = 'it gives no reason' } = status.success ? status.data : {}
    throw new KubeFault(kindOfStatus(code), `The watch was ended by the server: ${printable(message, 200)}.`)
  }
  return undefined
}

function nodeIn(value: unknown): KubeNode {
  const read = kubeNode(value)
  if (read === undefined) throw malformed('a node has no name, or no resourceVersion')
  return read
}

function podIn(value: unknown): KubePod {
  const read = kubePod(value)
  if (read === undefined) throw malformed('a pod has no name, or no namespace')
  return read
}

function nodePath(name: string): string {
  return `/api/v1/nodes/${encodeURIComponent(name)}`
}

function secretsPath(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`
}

function jsonBody(value: unknown): { readonly type: string; readonly text: string } {
  return { type: 'application/json', text: JSON.stringify(value) }
}

async function textOf(response: KubeResponse): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body) {
    length += part.length
    if (length > mostAnswerBytes) {
      response.close()
      throw malformed(`an answer is larger than ${mostAnswerBytes / 1024 / 1024} MiB`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** The lines of a stream. A last one that is not ended was cut off, and counts as not sent. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let rest: Uint8Array[] = []
  let length = 0
  for await (const piece of body) {
    let start = 0
    for (let end = piece.indexOf(lineFeed); end !== -1; end = piece.indexOf(lineFeed, start)) {
      const line = Buffer.concat([...rest, piece.subarray(start, end)])
      ;[rest, length, start] = [[], 0, end + 1]
      if (line.length > mostLineBytes) throw lineTooLong()
      if (line.length > 0) yield line.toString('utf8')
    }
    // A copy: what remains may wait for long, and would keep the whole piece.
    if (start < piece.length) rest.push(Uint8Array.from(piece.subarray(start)))
    length += piece.length - start
    if (length > mostLineBytes) throw lineTooLong()
  }
}

const lineFeed = 0x0a

function listTooLong(): KubeFault {
  return malformed(`a list has more than ${mostListed} entries`)
}

function lineTooLong(): KubeFault {
  return malformed(`a line of a watch is longer than ${mostLineBytes / 1024 / 1024} MiB`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new KubeFault('malformed', 'The cluster does not answer as Kubernetes does: this is not JSON.', {
      cause: error,
    })
  }
}

function malformed(what: string): KubeFault {
  return new KubeFault('malformed', `The cluster does not answer as Kubernetes does: ${what}.`)
}

const statusSchema = z.object({ code: z.int().optional(), message: z.string().optional() })

function faultOf(response: KubeResponse, text: string): KubeFault {
  let said: z.output<typeof statusSchema> = {}
  try {
    const read = statusSchema.safeParse(JSON.parse(text))
    if (read.success) said = read.data
  } catch {
    // A proxy before it answers in words of its own; the status says enough.
  }
  const message = `The cluster answers ${response.status}: ${printable(said.message ?? 'it gives no reason', 300)}`
  const { retryAfter } = response
  return new KubeFault(kindOfStatus(response.status), message, retryAfter === undefined ? {} : { retryAfter })
}

function kindOfStatus(status: number): KubeFaultKind {
  return statusKinds[status] ?? (status >= 500 ? 'busy' : 'refused')
}

const statusKinds: { readonly [status: number]: KubeFaultKind } = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'gone',
  429: 'busy',
}
