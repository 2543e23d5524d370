import type { JoinWish } from '../machines/join-wish.ts'
import type { NodePatch } from './kube-client.ts'
import type { KubeNode } from './kube-node.ts'

export type NodeMarks =
  | { readonly kind: 'as-wished' }
  /** `words`: what it is given, for a person. */
  | { readonly kind: 'patch'; readonly patch: NodePatch; readonly words: string }

const zoneLabel = 'topology.kubernetes.io/zone'

/**
 * What a Node lacks of the labels, taints and zone that its machine is to have. A kubelet may not give itself most of them, and
 * what others have put there stays.
 */
export function marksFor(node: KubeNode, { labels, taints, zone }: JoinWish): NodeMarks {
  const wanted = { ...labels, ...(zone === undefined ? {} : { [zoneLabel]: zone }) }
  const newLabels = Object.entries(wanted).filter(([key, value]) => node.labels[key] !== value)
  const newTaints = taints.filter(
    ({ key, value, effect }) =>
      !node.taints.some((one) => one.key === key && one.effect === effect && one.value === value),
  )
  if (newLabels.length + newTaints.length === 0) return { kind: 'as-wished' }
  const kept = node.taints.filter(
    (one) => !newTaints.some(({ key, effect }) => key === one.key && effect === one.effect),
  )
  return {
    kind: 'patch',
    patch: {
      ...(newLabels.length === 0 ? {} : { labels: Object.fromEntries(newLabels) }),
      // A merge patch replaces the whole list, so it must rest on the one that was read.
      ...(newTaints.length === 0
        ? {}
        : { taints: [...kept, ...newTaints], resourceVersion: node.resourceVersion }),
    },
    words: [
      ...newLabels.map(([key, value]) => `the label ${key}=${value}`),
      ...newTaints.map(
        ({ key, value, effect }) => `the taint ${key}${value === undefined ? '' : `=${value}`}:${effect}`,
      ),
    ].join(', '),
  }
}
