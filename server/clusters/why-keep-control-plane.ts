import type { Machine } from '../machines/machine.ts'
import type { Cluster } from './cluster.ts'
import { controlPlaneLabel } from './control-plane-label.ts'
import type { ClusterView } from './decide-join.ts'
import type { KubeNode } from './kube-node.ts'
import { isNodeOf } from './node-owner.ts'

export type Leaving = {
  readonly machine: Machine
  readonly way: WayOut
  /** The cluster that it is a node of; `undefined` where it is of none. */
  readonly cluster: Cluster | undefined
  readonly view: ClusterView
  /** All machines on record. */
  readonly machines: readonly Machine[]
}

/** How it goes: `release` takes it out of etcd first; `reinstall` writes its disk over, and its member of etcd stays there, dead. */
export type WayOut = 'release' | 'reinstall'

type Member = { readonly name: string; readonly isReady: boolean }

const byForce: Readonly<Record<WayOut, string>> = {
  release: 'with --force it is let go all the same',
  reinstall: 'with --force it is installed again all the same',
}

/**
 * Why a machine is not to be let go from its cluster, nor installed again: what is left there could not go on without it, as etcd answers only while
 * more than half of its members do. `undefined` where nothing speaks against it.
 */
export function whyKeepControlPlane(leaving: Leaving): string | undefined {
  const because = whyKeep(leaving)
  return because === undefined ? undefined : `${because}; ${byForce[leaving.way]}`
}

function whyKeep({ machine, way, cluster, view, machines }: Leaving): string | undefined {
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
    return `${nameOf(alsoLeaving)} is being released too, and control planes leave one after another: wait until that is done`
  }
  // It has no part in its cluster any more by its record, and its system goes on until it starts from the network.
  const goesToo = machines.find(
    (one) =>
      one.id !== machine.id &&
      one.install?.again === 'reinstall' &&
      nodes.some((node) => isNodeOf(node, one) && hasLabel(node)),
  )
  if (goesToo !== undefined) {
    return `${nameOf(goesToo)} is to be installed again too, and control planes go one after another: wait until it is a node once more`
  }
  const members: readonly Member[] = [
    ...planes.map((one) => ({
      name: nameOf(one),
      isReady: nodes.some((node) => isNodeOf(node, one) && isReady(node)),
    })),
    ...strange
      .filter(hasLabel)
      .map((node) => ({ name: node.name, isReady: isReady(node) && !isWrittenOver(node, machines) })),
  ]
  if (members.length === 0) {
    return `it is the only control plane of ${name}, which is lost with it, and ${listed(left)} would be left: release those first`
  }
  if (view.kind === 'silent') {
    return `whether enough control planes of ${name} are left cannot be seen, as its API does not answer: ${view.because}; mend that first`
  }
  return whyNoMajority(machine, way, { cluster: name, members, isReady: own.some(isReady) })
}

/** Who is released and Ready takes itself out of etcd as it leaves; anybody else may be a member that stays, and never answers. */
function whyNoMajority(
  machine: Machine,
  way: WayOut,
  {
    cluster,
    members,
    isReady,
  }: { readonly cluster: string; readonly members: readonly Member[]; readonly isReady: boolean },
): string | undefined {
  const leavesItself = way === 'release' && isReady
  const count = members.length + (leavesItself ? 0 : 1)
  const needed = Math.floor(count / 2) + 1
  const ready = members.filter((member) => member.isReady).length
  if (ready >= needed) return way === 'release' ? undefined : whyNotInItsPlace(machine, isReady)
  const counted = leavesItself ? '' : `, as ${whyCounted[way]}`
  const away = members.filter((member) => !member.isReady).map((member) => member.name)
  return `${ready} of the other control planes of ${cluster} would be Ready, and etcd needs ${needed} of ${count}${counted}: ${nextStep()}`

  function nextStep(): string {
    if (away.length > 0) return `see to ${listed(away)} first`
    if (way === 'release') return 'join another control plane, or bring this one back, first'
    return isReady
      ? `release it first, which takes it out of etcd, and it is installed anew then: ironwake machines release ${machine.id}`
      : 'join another control plane first'
  }
}

/** kubeadm takes up a member of etcd that has its address, and etcd ends where that has lost what it knew. */
function whyNotInItsPlace({ id }: Machine, isReady: boolean): string {
  const because =
    'its member of etcd stays when its disk is written over, and what is installed then cannot come up as that'
  const how = isReady ? '' : ' --force'
  return `${because}: release it first, which takes it out of etcd, and it is installed anew then: ironwake machines release ${id}${how}`
}

const whyCounted: Readonly<Record<WayOut, string>> = {
  release: 'it is not Ready and may not leave etcd by itself',
  reinstall: 'a system that is written over stays a member',
}

/** Whether it is a node of a cluster, or was given what it needs to become one. */
function isInside({ join }: Machine, cluster: string): boolean {
  if (join?.cluster !== cluster) return false
  return join.phase === 'ordered' || join.phase === 'joined' || join.phase === 'node'
}

function isControlPlane(machine: Machine, cluster: string): boolean {
  return machine.join?.role === 'control-plane' && isInside(machine, cluster)
}

/** A cluster takes the better part of a minute to see that a system is gone. */
function isWrittenOver(node: KubeNode, machines: readonly Machine[]): boolean {
  return machines.some(({ state, ...one }) => state === 'installing' && isNodeOf(node, one))
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
