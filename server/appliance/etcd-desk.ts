import type { ManagedCluster } from '../clusters/cluster.ts'
import { controlPlaneLabel } from '../clusters/control-plane-label.ts'
import { etcdClient, type EtcdClient } from '../clusters/etcd-client.ts'
import { memberIdText, type EtcdMember } from '../clusters/etcd-member.ts'
import { issueClientCertificate } from '../clusters/issue-client-certificate.ts'
import { KubeFault } from '../clusters/kube-fault.ts'
import type { KubeNode } from '../clusters/kube-node.ts'
import type { KubeTransport } from '../clusters/kube-transport.ts'
import {
  byHand,
  clientUrlsOf,
  memberOf,
  whyMemberStays,
  type LostControlPlane,
  type MemberWord,
} from '../clusters/lost-member.ts'
import { nodeAddress } from '../clusters/node-address.ts'
import type { KubeTarget } from '../clusters/read-kubeconfig.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { ClusterBook } from './cluster-book.ts'
import type { ClusterLinks } from './cluster-links.ts'
import { oneAtATime } from './one-at-a-time.ts'

export type EtcdDeskParts = {
  readonly book: ClusterBook
  readonly links: Pick<ClusterLinks, 'clientOf'>
  readonly transport: (target: KubeTarget) => KubeTransport
  readonly now: () => number
}

export type TakenOut =
  /** etcd has no member of it: there was none, or it has left. */
  | { readonly kind: 'none' }
  /** The identifiers, as etcdctl prints them. */
  | { readonly kind: 'removed'; readonly members: readonly string[] }
  /** It is a member, and stays one, for now. */
  | { readonly kind: 'stays'; readonly because: string }
  /** Whether it is a member cannot be seen. */
  | { readonly kind: 'not-asked'; readonly because: string }

export type EtcdDesk = {
  /** Takes the member of a lost control plane out of the etcd of its cluster, where that harms nobody. It may be said again at any time. */
  readonly takeOut: (cluster: string, lost: LostControlPlane) => Promise<TakenOut>
}

/** For all questions of one try. */
const tryMs = 20_000
/** kubeadm's `EtcdListenClientPort`. */
const clientPort = 2_379
const certificateMs = 10 * 60_000
const user = { organization: 'ironwake', commonName: 'ironwake' }
/** A second one is what an earlier try to join has left. */
const mostMembersOfOne = 3
/** Control planes that are asked who the members are. */
const mostAsked = 16

/** Takes part in the etcd of managed clusters, by certificates that the box gives itself and that lie in memory only. */
export function etcdDesk({ book, links, transport, now }: EtcdDeskParts): EtcdDesk {
  const inTurn = oneAtATime()
  return { takeOut: async (cluster, lost) => await inTurn(async () => await tryTakeOut(cluster, lost)) }

  async function tryTakeOut(name: string, lost: LostControlPlane): Promise<TakenOut> {
    const cluster = book.find(name)?.cluster
    if (cluster?.kind !== 'managed') return { kind: 'none' }
    const over = AbortSignal.timeout(tryMs)
    await using opened = new AsyncDisposableStack()
    try {
      const { nodes } = await links.clientOf(name).listNodes(over)
      const places = placesIn(nodes, lost.addresses)
      if (places.length === 0) return notAsked(`no other control plane of ${name} tells where it stands`)
      const clientAt = await clientsOf(cluster, opened)
      return await removeAll(places.map(clientAt), clientAt, lost, over)
    } catch (error) {
      if (error instanceof KubeFault) return notAsked(error.message)
      throw error
    }
  }

  async function removeAll(
    asked: readonly EtcdClient[],
    clientAt: (url: string) => EtcdClient,
    lost: LostControlPlane,
    over: AbortSignal,
  ): Promise<TakenOut> {
    const removed: string[] = []
    while (removed.length < mostMembersOfOne) {
      const members = await firstOf(asked.map(async (one) => await one.listMembers(over)))
      const found = memberOf(lost, members)
      if (found.kind === 'unclear') return { kind: 'stays', because: found.because }
      if (found.kind === 'none') break
      const { member } = found
      // By etcd 3.4 each tells what it knows, which may be a moment old.
      if (removed.includes(memberIdText(member.id))) break
      const words = await wordsOf(member, members, clientAt, over)
      const because = whyMemberStays(member, members, words)
      if (because !== undefined) return { kind: 'stays', because }
      const fault = await remove(member, asked, over)
      if (fault !== undefined) {
        const next = byHand('it is tried again; or take it out', member.id)
        return { kind: 'stays', because: `etcd does not take its member out: ${fault.message} ${next}` }
      }
      removed.push(memberIdText(member.id))
    }
    return removed.length === 0 ? { kind: 'none' } : { kind: 'removed', members: removed }
  }

  /** etcd refuses it once more where it would lose its majority (`strict-reconfig-check`, on unless somebody switches it off). */
  async function remove(
    { id }: EtcdMember,
    asked: readonly EtcdClient[],
    over: AbortSignal,
  ): Promise<KubeFault | undefined> {
    let last: KubeFault | undefined
    for (const one of asked) {
      try {
        await one.removeMember(id, over)
        return undefined
      } catch (error) {
        if (!(error instanceof KubeFault)) throw error
        if (error.kind === 'not-found') return undefined
        last = error
      }
    }
    return last
  }

  async function clientsOf(
    { name, authorities }: ManagedCluster,
    opened: AsyncDisposableStack,
  ): Promise<(url: string) => EtcdClient> {
    const key = book.secretOf(name, 'etcd-ca')
    if (key.kind === 'refused')
      throw new KubeFault('unreachable', `The keys of ${name} cannot be used: ${key.because}.`)
    const ca = authorities.etcdCa
    const authority = { certificate: ca, privateKey: key.text }
    const order = { ...user, authority, at: now(), lastsMs: certificateMs }
    const { certificate, privateKey } = await issueClientCertificate(order)
    const credential = { kind: 'certificate', certificate, privateKey } as const
    return (server) => etcdClient(opened.use(transport({ server, ca, tlsServerName: undefined, credential })))
  }
}

/** Where etcd is asked: at the control planes, those that are Ready first, and not where the lost one stood. */
function placesIn(nodes: readonly KubeNode[], lost: readonly Ipv4[]): readonly string[] {
  const planes = nodes.filter(({ labels }) => controlPlaneLabel in labels)
  const ready = (node: KubeNode): number => (node.ready.status === 'True' ? 0 : 1)
  return planes
    .toSorted((one, other) => ready(one) - ready(other))
    .flatMap((node) => nodeAddress(node) ?? [])
    .filter((address) => !lost.includes(address))
    .slice(0, mostAsked)
    .map((address) => `https://${address}:${clientPort}`)
}

/** What the first answers of several; where none does, the fault of the first. */
async function firstOf<T>(asked: readonly Promise<T>[]): Promise<T> {
  try {
    return await Promise.any(asked)
  } catch (error) {
    throw error instanceof AggregateError ? (error.errors[0] ?? error) : error
  }
}

async function wordsOf(
  lost: EtcdMember,
  members: readonly EtcdMember[],
  clientAt: (url: string) => EtcdClient,
  over: AbortSignal,
): Promise<ReadonlyMap<string, MemberWord>> {
  const words = await Promise.all(
    members.map(async (member): Promise<readonly [string, MemberWord]> => {
      const clients = clientUrlsOf(member).map(clientAt)
      const word = member.id === lost.id ? await wordOfLost(clients, over) : await wordOfOther(clients, over)
      return [member.id, word]
    }),
  )
  return new Map(words)
}

/** Only of whom nothing at all is heard is silent: who shows a strange certificate, or refuses ours, is there. */
async function wordOfLost(clients: readonly EtcdClient[], over: AbortSignal): Promise<MemberWord> {
  const heard = await Promise.all(
    clients.map(async (client): Promise<boolean> => {
      try {
        await client.answer(over)
        return true
      } catch (error) {
        if (!(error instanceof KubeFault)) throw error
        return error.kind !== 'unreachable' || isBroken(error.cause)
      }
    }),
  )
  return heard.length > 0 && !heard.includes(true) ? 'silent' : 'answers'
}

/** Who breaks a connection off was there to take it. */
function isBroken(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE')
}

async function wordOfOther(clients: readonly EtcdClient[], over: AbortSignal): Promise<MemberWord> {
  try {
    await Promise.any(clients.map(async (client) => await client.agree(over)))
    return 'agrees'
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error
    const other: unknown = error.errors.find((one) => !(one instanceof KubeFault))
    if (other !== undefined) throw other
    return 'silent'
  }
}

function notAsked(because: string): TakenOut {
  return { kind: 'not-asked', because }
}
