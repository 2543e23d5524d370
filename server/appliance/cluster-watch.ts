import type { ClusterView } from '../clusters/decide-join.ts'
import { followNodes, type NodeWord, type Patience } from '../clusters/follow-nodes.ts'
import type { Cluster } from '../clusters/cluster.ts'
import type { KubeNode } from '../clusters/kube-node.ts'
import type { ApplianceEvent } from '../events/event.ts'
import { printable } from '../wire/text.ts'
import type { ClusterBook } from './cluster-book.ts'
import type { ClusterLinks } from './cluster-links.ts'

export type ClusterWatchParts = {
  readonly book: ClusterBook
  readonly links: Pick<ClusterLinks, 'clientOf'>
  readonly tell: (event: ApplianceEvent) => void
  /** Whether some machine is, or is to become, a node of a cluster that is somebody else's. */
  readonly hasMachines: (cluster: string) => boolean
  readonly heard: (cluster: string, word: NodeWord, before: ReadonlyMap<string, KubeNode>) => Promise<void>
  readonly patience: Patience
}

/** The nodes of all clusters that machines are in, as their APIs tell them. */
export type ClusterWatch = AsyncDisposable & {
  readonly viewOf: (cluster: string) => ClusterView
  /** Looks which clusters are to be followed, and follows those and no others. */
  readonly look: () => void
}

type Following = {
  readonly cluster: Cluster
  readonly over: AbortController
  readonly nodes: Map<string, KubeNode>
  silence: string | undefined
  done: Promise<void>
}

/** Follows the nodes of each cluster for as long as it has machines and is known here. */
export function clusterWatch(parts: ClusterWatchParts): ClusterWatch {
  const { book, links, tell } = parts
  const followed = new Map<string, Following>()
  const ended = new Set<Promise<void>>()

  return {
    look,
    viewOf(name) {
      look(name)
      const following = followed.get(name)
      if (following === undefined) return { kind: 'silent', because: 'it has no control plane yet' }
      const { silence, nodes } = following
      return silence === undefined
        ? { kind: 'heard', nodes: [...nodes.values()] }
        : { kind: 'silent', because: silence }
    },
    async [Symbol.asyncDispose]() {
      for (const { over } of followed.values()) over.abort()
      await Promise.all([...[...followed.values()].map(({ done }) => done), ...ended])
    },
  }

  /** `asked`: a cluster that a machine asks for just now. */
  function look(asked?: string): void {
    for (const [name, { cluster, over, done }] of followed) {
      const now = book.find(name)?.cluster
      if (now !== undefined && now.createdAt === cluster.createdAt && isThere(now)) continue
      over.abort()
      followed.delete(name)
      ended.add(done)
      void done.finally(() => ended.delete(done))
    }
    for (const { cluster } of book.list()) {
      const { name } = cluster
      if (followed.has(name) || !isThere(cluster)) continue
      if (cluster.kind === 'external' && name !== asked && !parts.hasMachines(name)) continue
      follow(cluster)
    }
  }

  function follow(cluster: Cluster): void {
    const over = new AbortController()
    const following: Following = {
      cluster,
      over,
      nodes: new Map(),
      silence: 'it has not been heard yet',
      done: Promise.resolve(),
    }
    followed.set(cluster.name, following)
    following.done = hear(following)
  }

  /** What the store refuses to keep is read again, from the nodes as they are then. */
  async function hear(following: Following): Promise<void> {
    const { cluster, over } = following
    for (let failures = 0; !over.signal.aborted; failures++) {
      try {
        await hearOnce(following)
      } catch (error) {
        const because = `what it says could not be kept here: ${error instanceof Error ? error.message : String(error)}`
        if (following.silence === undefined)
          tell({ kind: 'cluster-silent', cluster: cluster.name, because: printable(because, 300) })
        following.silence = because
        await parts.patience.wait(Math.min(1_000 * 2 ** failures, 60_000), over.signal)
      }
    }
  }

  async function hearOnce(following: Following): Promise<void> {
    const { cluster, over, nodes } = following
    const { name } = cluster
    for await (const word of followNodes(links.clientOf(name), parts.patience, over.signal)) {
      const before = new Map(nodes)
      switch (word.kind) {
        case 'all':
          nodes.clear()
          for (const node of word.nodes) nodes.set(node.name, node)
          if (following.silence !== undefined)
            tell({ kind: 'cluster-heard', cluster: name, nodes: nodes.size })
          following.silence = undefined
          break
        case 'changed':
          nodes.set(word.node.name, word.node)
          break
        case 'gone':
          nodes.delete(word.node.name)
          break
        case 'silent':
          following.silence = word.because
          tell({ kind: 'cluster-silent', cluster: name, because: word.because })
          break
        case 'heard-again':
          // Where a list follows, it is told with how many nodes there are.
          if (nodes.size > 0) {
            following.silence = undefined
            tell({ kind: 'cluster-heard', cluster: name, nodes: nodes.size })
          }
          break
      }
      try {
        await parts.heard(name, word, before)
      } catch (error) {
        // What was news stays news.
        nodes.clear()
        for (const [known, node] of before) nodes.set(known, node)
        throw error
      }
    }
  }
}

/** Whether a cluster has an API by now. */
function isThere(cluster: Cluster): boolean {
  return cluster.kind === 'external' || cluster.init?.phase === 'done'
}
