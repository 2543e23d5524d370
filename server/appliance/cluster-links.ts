import type { Cluster } from '../clusters/cluster.ts'
import { issueClientCertificate } from '../clusters/issue-client-certificate.ts'
import { kubeClient, type KubeClient } from '../clusters/kube-client.ts'
import { KubeFault } from '../clusters/kube-fault.ts'
import type { KubeTransport } from '../clusters/kube-transport.ts'
import type { KubeTarget } from '../clusters/read-kubeconfig.ts'
import type { ClusterBook } from './cluster-book.ts'

export type ClusterLinksParts = {
  readonly book: ClusterBook
  readonly transport: (target: KubeTarget) => KubeTransport
  readonly now: () => number
}

/** How the box asks the clusters. */
export type ClusterLinks = AsyncDisposable & {
  /** Each of its questions fails with a `KubeFault` where the cluster cannot be asked. */
  readonly clientOf: (name: string) => KubeClient
}

/** A certificate of a managed cluster that the box gives itself; it is exchanged at half of its time. */
const certificateMs = 24 * 3_600_000
/** From 1.29 this group is given the cluster by a binding that `kubeadm init` makes, as kubeadm's own admin.conf. */
const user = { organization: 'kubeadm:cluster-admins', commonName: 'ironwake' }

type Open = { readonly transport: KubeTransport; readonly target: string; readonly until: number }

/** One connection's worth of keys for each cluster, made when it is first asked. */
export function clusterLinks({ book, transport, now }: ClusterLinksParts): ClusterLinks {
  const open = new Map<string, Promise<Open>>()
  const over = new Set<KubeTransport>()

  return {
    clientOf: (name) =>
      kubeClient({
        send: async (request) => await (await linkTo(name)).transport.send(request),
        [Symbol.asyncDispose]: async () => {},
      }),
    async [Symbol.asyncDispose]() {
      const links = await Promise.allSettled(open.values())
      for (const link of links) if (link.status === 'fulfilled') over.add(link.value.transport)
      await Promise.all([...over].map(async (one) => await one[Symbol.asyncDispose]()))
    },
  }

  async function linkTo(name: string): Promise<Open> {
    const cluster = book.find(name)?.cluster
    if (cluster === undefined) throw notThere(`${name} is not known here any more`)
    const opening = open.get(name)
    const before = await opening?.catch(() => undefined)
    // Another question has opened one meanwhile; two would be open, and one of them never closed.
    if (open.get(name) !== opening) return await linkTo(name)
    const target = keyOf(cluster)
    if (before?.target === target && now() < before.until) return before
    // Questions under way go on by the one before; a watch ends with its time.
    if (before !== undefined) over.add(before.transport)
    const made = make(cluster, target)
    open.set(name, made)
    return await made
  }

  async function make(cluster: Cluster, key: string): Promise<Open> {
    const target = cluster.kind === 'managed' ? await ofManaged(cluster.name) : ofExternal(cluster)
    return { transport: transport(target), target: key, until: now() + certificateMs / 2 }
  }

  async function ofManaged(name: string): Promise<KubeTarget> {
    const cluster = book.find(name)?.cluster
    const endpoint = cluster === undefined ? undefined : endpointOf(cluster)
    if (cluster?.kind !== 'managed' || endpoint === undefined)
      throw notThere(`${name} has no control plane yet`)
    const { ca } = cluster.authorities
    const authority = { certificate: ca, privateKey: secretOf(name, 'ca') }
    const { certificate, privateKey } = await issueClientCertificate({
      ...user,
      authority,
      at: now(),
      lastsMs: certificateMs,
    })
    const credential = { kind: 'certificate', certificate, privateKey } as const
    return { server: `https://${endpoint}`, ca, tlsServerName: undefined, credential }
  }

  function ofExternal(cluster: Cluster & { readonly kind: 'external' }): KubeTarget {
    const { name, server, ca, tlsServerName, credential } = cluster
    return {
      server,
      ca,
      tlsServerName,
      credential:
        credential.kind === 'token'
          ? { kind: 'token', token: secretOf(name, 'token') }
          : { ...credential, privateKey: secretOf(name, 'client-key') },
    }
  }

  function secretOf(name: string, secret: 'ca' | 'token' | 'client-key'): string {
    const opened = book.secretOf(name, secret)
    if (opened.kind === 'opened') return opened.text
    throw notThere(`the keys of ${name} cannot be used: ${opened.because}`)
  }
}

/** `HOST:PORT` at which nodes and the box find the API of a cluster; `undefined` while there is none. */
export function endpointOf(cluster: Cluster): string | undefined {
  if (cluster.kind === 'managed') return cluster.endpoint ?? cluster.init?.endpoint
  const { hostname, port } = new URL(cluster.server)
  return `${hostname}:${port === '' ? '443' : port}`
}

/** A cluster made anew under an old name is another one, as is one whose first control plane stands elsewhere. */
function keyOf(cluster: Cluster): string {
  return `${cluster.createdAt} ${endpointOf(cluster)}`
}

function notThere(because: string): KubeFault {
  return new KubeFault('unreachable', `${because}.`)
}
