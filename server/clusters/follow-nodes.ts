import { KubeFault } from './kube-fault.ts'
import type { KubeClient } from './kube-client.ts'
import type { KubeNode } from './kube-node.ts'

/** What is heard of a cluster's nodes, in the order in which it is true. */
export type NodeWord =
  /** All nodes as they are; who is not among them is gone. It comes first, and after each time that changes were lost. */
  | { readonly kind: 'all'; readonly nodes: readonly KubeNode[] }
  | { readonly kind: 'changed'; readonly node: KubeNode }
  | { readonly kind: 'gone'; readonly node: KubeNode }
  /** Nothing is heard from now on; told once, however many tries fail. */
  | { readonly kind: 'silent'; readonly because: string }
  /** Changes are heard again. Where some may have been lost, `all` follows. */
  | { readonly kind: 'heard-again' }

export type Patience = {
  /** Resolves after a time, or at once when `over` is. */
  readonly wait: (ms: number, over: AbortSignal) => Promise<void>
  /** Between 0 and 1: a hundred boxes must not come back at the same moment. */
  readonly chance: () => number
}

const shortestWaitMs = 1_000
const longestWaitMs = 60_000
/** A server that ends every watch at once would be asked without end. */
const betweenWatchesMs = 1_000

/** Follows the nodes of a cluster until it is over: through watches that end, states that are forgotten, and outages. */
export async function* followNodes(
  client: KubeClient,
  { wait, chance }: Patience,
  over: AbortSignal,
): AsyncGenerator<NodeWord, void, undefined> {
  /** Where the stream stands; `undefined` when a list must be read. */
  let version: string | undefined
  /** In a row, without a change or a bookmark between them. */
  let failures = 0
  let isSilent = false
  while (!over.aborted) {
    try {
      if (version === undefined) {
        const list = await client.listNodes(over)
        if (isSilent) yield { kind: 'heard-again' }
        isSilent = false
        version = list.resourceVersion
        yield { kind: 'all', nodes: list.nodes }
      }
      for await (const change of client.watchNodes(version, over)) {
        if (isSilent) yield { kind: 'heard-again' }
        isSilent = false
        if (change.kind === 'open') continue
        failures = 0
        version = change.kind === 'bookmark' ? change.resourceVersion : change.node.resourceVersion
        if (change.kind === 'deleted') yield { kind: 'gone', node: change.node }
        else if (change.kind !== 'bookmark') yield { kind: 'changed', node: change.node }
      }
      // The server has ended it, as it does every few minutes; the stream goes on where it stood.
      failures = 0
      await wait(betweenWatchesMs, over)
    } catch (error) {
      if (over.aborted) return
      if (!(error instanceof KubeFault)) throw error
      if (error.kind === 'gone' && version !== undefined) {
        // The state is forgotten there: nothing has failed, all is read anew.
        version = undefined
        // A server that forgets every state at once would be asked without end.
        await wait(betweenWatchesMs, over)
        continue
      }
      // A line that was not understood would come again and again from where it stood.
      if (error.kind === 'malformed') version = undefined
      failures++
      // One connection that breaks is no outage; that nobody takes up the next is one.
      if (failures > 1 && !isSilent) {
        isSilent = true
        yield { kind: 'silent', because: error.message }
      }
      await wait(waitMs(failures, error.retryAfter, chance()), over)
    }
  }
}

/** Twice as long after each failure, up to a minute, and spread over half of it. */
function waitMs(failures: number, retryAfter: number | undefined, chance: number): number {
  const longest = Math.min(shortestWaitMs * 2 ** (failures - 1), longestWaitMs)
  const asked = Math.min((retryAfter ?? 0) * 1_000, longestWaitMs)
  return Math.max(longest / 2 + (longest / 2) * chance, asked)
}
