import { urlClient } from '../../server/listen/url-client.ts'
import type { Proxies } from '../../server/listen/way-to.ts'
import { UpstreamFault } from '../../server/images/upstream-fault.ts'
import type { UpstreamTools } from '../../server/images/upstream-tools.ts'

/** Connections as they are, pauses that pass at once and are counted, and chance that is none. */
export type SomeTools = UpstreamTools & { readonly pauses: readonly number[]; stop(): void }

export function someTools(
  other: { readonly silenceMs?: number; readonly proxies?: Proxies; readonly now?: () => number } = {},
): SomeTools {
  const openUrl = urlClient({
    userAgent: 'ironwake/test',
    proxies: other.proxies ?? {},
    silenceMs: other.silenceMs ?? 10_000,
  })
  const pauses: number[] = []
  const stopping = new AbortController()
  return {
    openUrl,
    now: other.now ?? Date.now,
    async wait(ms, over) {
      if (over.aborted) throw new UpstreamFault('stopped', 'It was stopped.')
      pauses.push(ms)
      await new Promise((resolve) => setImmediate(resolve))
    },
    chance: () => 0.5,
    over: stopping.signal,
    pauses,
    stop: () => stopping.abort(),
  }
}
