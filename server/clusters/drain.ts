import type { KubeClient } from './kube-client.ts'
import { KubeFault } from './kube-fault.ts'
import type { KubePod } from './kube-pod.ts'

/** How far the pods of a node are that is to have none. */
export type Drained = {
  /** Those that must go before the node may: others end by themselves, or belong to the node. */
  readonly left: readonly KubePod[]
  /** What holds one of them, where something does. */
  readonly because: string | undefined
}

/**
 * Asks every pod of a node to leave, once; those of DaemonSets, and those that the kubelet runs by files of its own, stay. A pod that
 * a PodDisruptionBudget holds is left for the next time.
 */
export async function drainOnce(client: KubeClient, node: string, over: AbortSignal): Promise<Drained> {
  const pods = (await client.podsOn(node, over)).filter(mustGo)
  let because: string | undefined
  const left: KubePod[] = []
  for (const pod of pods) {
    left.push(pod)
    if (pod.isEnding) {
      because ??= `${pod.namespace}/${pod.name} takes its time to end`
      continue
    }
    try {
      await client.evict(pod, over)
    } catch (error) {
      if (!(error instanceof KubeFault)) throw error
      if (error.kind === 'not-found') left.pop()
      else if (error.kind === 'busy') because = `${pod.namespace}/${pod.name}: ${error.message}`
      else throw error
    }
  }
  return { left, because }
}

/** Those of DaemonSets would be put back at once, and mirrors are only shown by the API. */
function mustGo({ isOfDaemonSet, isMirror, hasEnded }: KubePod): boolean {
  return !isOfDaemonSet && !isMirror && !hasEnded
}
