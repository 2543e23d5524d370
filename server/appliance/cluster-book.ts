import type { Cluster, ClusterInit, SecretName } from '../clusters/cluster.ts'
import type { Opened } from '../clusters/key-ring.ts'

/** What those know of the clusters who lead machines into them. */
export type ClusterBook = {
  readonly list: () => readonly Known[]
  readonly find: (name: string) => Known | undefined
  readonly secretOf: (name: string, secret: SecretName) => Opened
  /** Which machine makes the first control plane of a managed cluster; it holds at once, and is on disk when this resolves. */
  readonly setInit: (name: string, init: ClusterInit | undefined) => Promise<void>
  /** Calls back when a cluster was made or removed, or its first control plane has changed. */
  readonly subscribe: (listener: () => void) => void
}

type Known = {
  readonly cluster: Cluster
  /** Why its secrets cannot be used; absent, they can. */
  readonly locked?: string
}
