import type { Machine } from '../machines/machine.ts'
import type { Cluster } from './cluster.ts'
import type { ClusterView } from './decide-join.ts'
import type { KubeNode } from './kube-node.ts'
import { isNodeOf } from './node-owner.ts'

export type Leaving = {
  readonly machine: Machine
  /** The cluster that it is a node of; `undefined` where it is of none. */
  readonly cluster: Cluster | undefined
  readonly view: ClusterView
  /** All machines on record. */
  readonly machines: readonly Machine[]
}

type Member = { readonly name: string; readonly isReady: boolean }

/** As kubeadm labels the Node of a control plane (kubernetes.io/docs/reference/labels-annotations-taints). */
const controlPlaneLabel = 'node-role.kubernetes.io/control-plane'
const byForce = 'with --force it is let go all the same'

/**
 * Why a machine is not to be let go from its cluster: what is left there could not go on without it, as etcd answers only while
 * more than half of its members do. `undefined` where nothing speaks against it.
 */
export function whyKeepControlPlane({ machine, cluster, view, machines }: Leaving): string | undefined {
  // Where the first control plane is not done there is nothing yet that could be lost.
  if (cluster?.kind !== 'managed' || cluster.init?.phase !== 'done') return undefined
  const { name } = cluster
  const nodes = view.kind === 'heard' ? view.nodes : []
  const own = nodes.filter((node) => isNodeOf(node, machine))
  if (!isControlPlane(machine, name) && !own.some(hasLabel)) return undefined
  const others = machines.filter((one) => one.id !== machine.id && isInside(one, name))
  const strange = nodes.filter((node) => ![machine, ...others].some((one) => isNodeOf(node, one)))
  const left = [...others.map(nameOf), ...strange.map((node) => node.name)]
  if (left.length === 0) return undefined
  const planes = others.filter(
    (one) => isControlPlane(one, name) || nodes.some((node) => isNodeOf(node, one) && hasLabel(node)),
  )
  const alsoLeaving = planes.find(({ state }) => state === 'releasing')
  if (alsoLeaving !== undefined) {
    return `${nameOf(alsoLeaving)} is being released too, and control planes leave one after another: wait until that is done; ${byForce}`
  }
  const members: readonly Member[] = [
    ...planes.map((one) => ({
      name: nameOf(one),
      isReady: nodes.some((node) => isNodeOf(node, one) && isReady(node)),
    })),
    ...strange.filter(hasLabel).map((node) => ({ name: node.name, isReady: isReady(node) })),
  ]
  if (members.length === 0) {
    return `it is the only control plane of ${name}, which is lost with it, and ${listed(left)} would be left: release those first; ${byForce}`
  }
  if (view.kind === 'silent') {
    return `whether enough control planes of ${name} are left cannot be seen, as its API does not answer: ${view.because}; mend that first; ${byForce}`
  }
  return whyNoMajority(name, members, own.some(isReady))
}

/** Who is Ready takes itself out of etcd as it leaves; who is not may be a member that stays, and never answers. */
function whyNoMajority(
  cluster: string,
  members: readonly Member[],
  leavesItself: boolean,
): string | undefined {
  const count = members.length + (leavesItself ? 0 : 1)
  const needed = Math.floor(count / 2) + 1
  const ready = members.filter(({ isReady }) => isReady).length
  if (ready >= needed) return undefined
  const counted = leavesItself ? '' : ', as it is not Ready and may not leave etcd by itself'
  const away = members.filter((member) => !member.isReady).map((member) => member.name)
  const next =
    away.length === 0
      ? 'join another control plane, or bring this one back, first'
      : `see to ${listed(away)} first`
  return `${ready} of the other control planes of ${cluster} would be Ready, and etcd needs ${needed} of ${count}${counted}: ${next}; ${byForce}`
}

/** Whether it is a node of a cluster, or was given what it needs to become one. */
function isInside({ join }: Machine, cluster: string): boolean {
  if (join?.cluster !== cluster) return false
  return join.phase === 'ordered' || join.phase === 'joined' || join.phase === 'node'
}

function isControlPlane(machine: Machine, cluster: string): boolean {
  return machine.join?.role === 'control-plane' && isInside(machine, cluster)
}

function hasLabel({ labels }: KubeNode): boolean {
  return controlPlaneLabel in labels
}

function isReady({ ready }: KubeNode): boolean {
  return ready.status === 'True'
}

function nameOf({ id, hostname }: Machine): string {
  return hostname ?? id
}

const mostNamed = 5

function listed(names: readonly string[]): string {
  const more = names.length - mostNamed
  return names.slice(0, mostNamed).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
