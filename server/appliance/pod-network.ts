import { flannelObjects, flannelVersion } from '../cloud-init/flannel.ts'
import { KubeFault } from '../clusters/kube-fault.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { ClusterBook } from './cluster-book.ts'
import type { ClusterLinks } from './cluster-links.ts'
import { oneAtATime } from './one-at-a-time.ts'

export type PodNetworkParts = {
  readonly book: ClusterBook
  readonly links: Pick<ClusterLinks, 'clientOf'>
  /** `cloud-init/kubernetes/flannel.yaml`. */
  readonly flannel: string
  readonly tell: (event: ApplianceEvent) => void
}

const askMs = 15_000

/**
 * Brings the network for pods into the clusters of this box that have none yet: tried at each call until it is in place, and then
 * never again, since from then on it is the operator's.
 */
export function podNetworks({ book, links, flannel, tell }: PodNetworkParts): () => Promise<void> {
  const told = new Map<string, string>()
  const inTurn = oneAtATime()

  return async () => {
    await inTurn(async () => {
      for (const { cluster } of book.list()) {
        if (cluster.kind !== 'managed' || cluster.podNetwork === 'none') continue
        const { name, init, podSubnet } = cluster
        if (init?.phase === 'done' && init.podNetwork === undefined) await apply(name, podSubnet)
      }
    })
  }

  async function apply(name: string, podSubnet: string): Promise<void> {
    const client = links.clientOf(name)
    try {
      for (const object of flannelObjects(flannel, podSubnet)) {
        await client.apply(object, AbortSignal.timeout(askMs))
      }
    } catch (error) {
      if (!(error instanceof KubeFault)) throw error
      if (told.get(name) !== error.message) {
        tell({ kind: 'pod-network-failed', cluster: name, because: error.message })
      }
      told.set(name, error.message)
      return
    }
    const init = book.find(name)?.cluster
    if (init?.kind !== 'managed' || init.init === undefined) return
    const network = `flannel ${flannelVersion}`
    await book.setInit(name, { ...init.init, podNetwork: network })
    tell({ kind: 'pod-network-applied', cluster: name, network })
  }
}
