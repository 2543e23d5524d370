import { isOfJoin } from '../machines/failure-cause-of.ts'
import type { JoinRefusal } from '../machines/join-refusals.ts'
import type { JoinWish } from '../machines/join-wish.ts'
import type { Machine } from '../machines/machine.ts'
import type { ParsedNodeFacts } from '../machines/parse-node-facts.ts'
import { tokenLifeMs } from './bootstrap-token.ts'
import type { Cluster, ManagedCluster } from './cluster.ts'
import type { KubeNode } from './kube-node.ts'
import { minorOf } from './kubernetes-versions.ts'
import { isNodeOf } from './node-owner.ts'
import { whyUnfit } from './preflight.ts'

/** What a cluster's API last said, where there is one. */
export type ClusterView =
  | { readonly kind: 'heard'; readonly nodes: readonly KubeNode[] }
  | { readonly kind: 'silent'; readonly because: string }

/** A machine whose system asks to become a node, and all that bears on the answer. */
export type Asking = {
  readonly machine: Machine
  readonly wish: JoinWish | undefined
  /** The name that its Node is to have. */
  readonly node: string
  readonly facts: ParsedNodeFacts
  /** `undefined` where none of its name is known here. */
  readonly cluster: Cluster | undefined
  /** Why the secrets of the cluster cannot be used; absent, they can. */
  readonly locked?: string
  /** Why the machine is not known well enough to enter it; absent, it is. */
  readonly tooWeak?: string
  readonly view: ClusterView
  /** All machines on record. */
  readonly machines: readonly Machine[]
  readonly now: number
}

export type JoinDecision =
  | { readonly kind: 'nothing'; readonly because: string }
  /** `for`: whether it is the machine's own doing; what is not does not count against its time limit. */
  | {
      readonly kind: 'wait'
      readonly seconds: number
      readonly because: string
      readonly for: 'itself' | 'others'
    }
  | { readonly kind: 'refused'; readonly refusal: JoinRefusal; readonly because: string }
  /** What kubeadm has left of an order before is cleared away first. */
  | { readonly kind: 'reset'; readonly because: string }
  | { readonly kind: 'init'; readonly cluster: ManagedCluster }
  /** `stale`: Nodes of the same machine, of a system that is gone. */
  | {
      readonly kind: 'join'
      readonly as: 'worker' | 'control-plane'
      readonly cluster: Cluster
      readonly stale: readonly string[]
    }

/** A first control plane that has not said in this time how it went has gone. kubeadm waits for each of its parts for minutes. */
export const initLimitMs = 20 * 60_000

/** What a machine is told that asks to become a node. */
export function decideJoin(asking: Asking): JoinDecision {
  const { machine, wish, facts: told, cluster, locked, now } = asking
  const early = beforeItsTurn(machine)
  if (early !== undefined) return early
  if (wish === undefined) return { kind: 'nothing', because: 'it is to become a node of no cluster' }
  if (cluster === undefined) {
    return refused('cluster-unfit', `no cluster has the name ${wish.cluster}; see: ironwake clusters list`)
  }
  if (locked !== undefined)
    return refused('cluster-unfit', `the keys of ${cluster.name} cannot be used: ${locked}`)
  if (cluster.kind === 'external' && wish.role === 'control-plane') {
    return refused(
      'cluster-unfit',
      `${cluster.name} is somebody else’s cluster, to which this box joins workers only`,
    )
  }
  if (asking.tooWeak !== undefined) return refused('identity-too-weak', asking.tooWeak)
  if (told.kind === 'refused') return refused('facts-unclear', `what it tells of itself: ${told.because}`)
  const { facts } = told
  if (facts.leftovers === 'foreign') {
    return refused(
      'already-a-node',
      'kubeadm or a kubelet has left files there that are of no order of this box',
    )
  }
  if (facts.leftovers === 'ours') return { kind: 'reset', because: 'an order before did not come to its end' }
  const kubernetes =
    cluster.kind === 'managed'
      ? { version: cluster.kubernetes, minor: minorOf(cluster.kubernetes) }
      : undefined
  const unfit = whyUnfit(facts, wish.role, kubernetes, now)
  if (unfit !== undefined) return { kind: 'refused', ...unfit }
  const { init } = cluster.kind === 'managed' ? cluster : { init: undefined }
  if (cluster.kind === 'managed' && init?.phase !== 'done') return ofNewCluster(asking, cluster)
  return ofCluster(asking, wish, cluster)
}

/** A machine that is not to ask yet, or any more. */
function beforeItsTurn(machine: Machine): JoinDecision | undefined {
  const { state, stateBecause, failure, join } = machine
  switch (state) {
    case 'discovered':
      return wait(60, 'it is not approved', 'itself')
    case 'approved':
      // A system of a boot before, which is to be replaced by the next.
      return join === undefined
        ? { kind: 'nothing', because: 'its next boot from the network comes first' }
        : undefined
    case 'installing':
      return wait(10, 'cloud-init has not come to its end on it', 'itself')
    case 'quarantined':
      return wait(60, `it waits for a person: ${stateBecause}`, 'itself')
    case 'releasing':
      // Who is told to wait asks on; who is told that there is nothing asks for words, of which one is to leave.
      return { kind: 'nothing', because: 'it is being released from its cluster' }
    case 'retired':
      return { kind: 'nothing', because: 'a person has taken it out of use' }
    case 'failed':
      return isOfJoin(failure) ? undefined : wait(60, `it waits for another try: ${stateBecause}`, 'itself')
    case 'installed':
    case 'joining':
    case 'active':
      return undefined
  }
}

/** There is no control plane yet: one machine makes it, and all others wait. */
function ofNewCluster({ machine, wish, machines, now }: Asking, cluster: ManagedCluster): JoinDecision {
  const { name, init } = cluster
  if (wish?.role !== 'control-plane') {
    return wait(30, `${name} has no control plane yet`, 'others')
  }
  if (init === undefined || init.machine === machine.id || now - init.since > initLimitMs) {
    return { kind: 'init', cluster }
  }
  const first = machines.find(({ id }) => id === init.machine)
  return wait(15, `${first?.hostname ?? init.machine} is making the first control plane of ${name}`, 'others')
}

function ofCluster(asking: Asking, wish: JoinWish, cluster: Cluster): JoinDecision {
  const { machine, view, machines, now } = asking
  const { join } = machine
  if (view.kind === 'silent') {
    if (isLost(asking, cluster)) {
      const because = `it was the only control plane of ${cluster.name}, and its system is gone; create the cluster anew: ironwake clusters remove ${cluster.name} --yes`
      return refused('cluster-unfit', because)
    }
    return wait(20, `the API of ${cluster.name} does not answer: ${view.because}`, 'others')
  }
  if (join?.phase === 'ordered' && join.token !== undefined && now < join.token.until) {
    const seconds = Math.ceil((join.token.until - now) / 1_000)
    return wait(
      Math.min(seconds, 60),
      'it has been given what it needs to join; that is given once',
      'itself',
    )
  }
  const taken = whyTaken(asking, view.nodes, cluster)
  if (taken !== undefined) return refused('name-taken', taken)
  const own = view.nodes.filter((one) => isNodeOf(one, machine))
  const ready = own.find((one) => one.ready.status === 'True')
  if (ready !== undefined) {
    const because = `its Node ${ready.name} is Ready, so that a system of this machine seems to run elsewhere`
    return wait(20, because, 'itself')
  }
  const stale = own.map(({ name }) => name)
  if (wish.role === 'worker') return { kind: 'join', as: 'worker', cluster, stale }
  if (cluster.kind === 'managed' && cluster.endpoint === undefined) {
    const because = `${cluster.name} was created without --vip and without --endpoint, so that it can have one control plane only`
    return refused('cluster-unfit', because)
  }
  // Two new members of etcd at once, and neither has a majority.
  const other = machines.find((one) => one.id !== machine.id && isEnteringAsControlPlane(one, cluster, now))
  if (other !== undefined) {
    const because = `${other.hostname ?? other.id} is joining as a control plane; they do so one after another`
    return wait(20, because, 'others')
  }
  return { kind: 'join', as: 'control-plane', cluster, stale }
}

/** Whether nobody can answer any more: the first control plane asks anew, and there is no other. */
function isLost({ machine, machines }: Asking, cluster: Cluster): boolean {
  if (cluster.kind !== 'managed' || cluster.init?.machine !== machine.id) return false
  return !machines.some(
    ({ id, state, join }) =>
      id !== machine.id &&
      state === 'active' &&
      join?.cluster === cluster.name &&
      join.role === 'control-plane',
  )
}

function isEnteringAsControlPlane({ state, join }: Machine, { name }: Cluster, now: number): boolean {
  if (state !== 'joining' || join?.cluster !== name || join.order !== 'join-control-plane') return false
  // Its token comes a moment after its order, and is gone when its time is over.
  return join.phase === 'ordered' && now < (join.token?.until ?? join.since + tokenLifeMs)
}

/** Whether another has the name: a Node there is, or a machine that was told to join by it. */
function whyTaken(
  { machine, node, machines }: Asking,
  nodes: readonly KubeNode[],
  cluster: Cluster,
): string | undefined {
  const there = nodes.find(({ name }) => name === node)
  if (there !== undefined && !isNodeOf(there, machine)) {
    const whose =
      there.systemUuid === undefined ? 'another machine' : `the machine with the UUID ${there.systemUuid}`
    return `${cluster.name} has a Node ${node} already, that of ${whose}`
  }
  const rival = machines.find(
    ({ id, state, join }) =>
      id !== machine.id &&
      state === 'joining' &&
      join?.cluster === cluster.name &&
      join.node === node &&
      (join.phase === 'ordered' || join.phase === 'joined'),
  )
  return rival === undefined ? undefined : `${rival.id} is joining ${cluster.name} by the name ${node}`
}

function wait(seconds: number, because: string, whose: 'itself' | 'others'): JoinDecision {
  return { kind: 'wait', seconds, because, for: whose }
}

function refused(refusal: JoinRefusal, because: string): JoinDecision {
  return { kind: 'refused', refusal, because }
}
