import { openUrlClient, type Proxies, type UrlClient } from '../../server/listen/url-client.ts'
import type { UpstreamTools } from '../../server/images/upstream-tools.ts'

/** Connections as they are, pauses that pass at once and are counted, and chance that is none. */
export type SomeTools = UpstreamTools & Disposable & { readonly pauses: readonly number[]; stop(): void }

export function someTools(
  other: { readonly silenceMs?: number; readonly proxies?: Proxies; readonly now?: () => number } = {},
): SomeTools {
  const client: UrlClient = openUrlClient({
    userAgent: 'ironwake/test',
    proxies: other.proxies ?? {},
    silenceMs: other.silenceMs ?? 10_000,
  })
  const pauses: number[] = []
  const stopping = new AbortController()
  return {
    openUrl: client.open,
    now: other.now ?? Date.now,
    async wait(ms, over) {
      over.throwIfAborted()
      pauses.push(ms)
      await new Promise((resolve) => setImmediate(resolve))
    },
    chance: () => 0.5,
    over: stopping.signal,
    pauses,
    stop: () => stopping.abort(),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}
