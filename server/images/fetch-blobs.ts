import type { Sha256 } from '../wire/sha256.ts'
import type { BlobStore } from './blob-store.ts'
import type { Upstream } from './catalogue.ts'
import { download } from './download.ts'
import type { Offer, OfferedFile } from './offer.ts'
import type { RateLimit } from './rate-limit.ts'
import { missingBlobs } from './sync-plan.ts'
import type { SyncStep } from './sync-report.ts'
import { urlOf } from './upstream-path.ts'
import type { UpstreamTools } from './upstream-tools.ts'

export type FetchTools = UpstreamTools & {
  readonly store: Pick<BlobStore, 'receive'>
  readonly downloads: number
  readonly rate: RateLimit | undefined
  readonly report: (step: SyncStep) => void
}

/** Files on their way; leaving its scope breaks off what is still under way, and waits for it. */
export type Fetching = AsyncDisposable & {
  readonly files: number
  readonly byteCount: number
  /** Resolves when all files of an offer are in the store; rejects with what went wrong with one. */
  arrival(offer: Offer): Promise<void>
  /** Resolves when nothing more comes, with the bytes of the files that did. */
  ended(): Promise<number>
}

/** More often a person cannot see it. */
const progressEveryMs = 200

/** Fetches the files of the offers that are missing, several at once, in the order of the offers, each once. */
export function fetchBlobs(
  wanted: readonly { readonly offer: Offer; readonly upstream: Upstream }[],
  has: ReadonlySet<Sha256>,
  tools: FetchTools,
): Fetching {
  const offers = wanted.map(({ offer }) => offer)
  const files = missingBlobs(offers, has)
  const byteCount = files.reduce((sum, file) => sum + file.byteCount, 0)
  const urls = new Map(
    wanted.flatMap(({ offer, upstream }) =>
      offer.files.map((file) => [file.sha256, urlOf(upstream.files, file.path)] as const),
    ),
  )
  const neededBy = Map.groupBy(
    offers.flatMap((offer) => offer.files.map(({ sha256 }) => ({ sha256, offer }))),
    ({ sha256 }) => sha256,
  )
  const arrivals = new Map(files.map(({ sha256 }) => [sha256, Promise.withResolvers<void>()]))
  // A fault is told for each image that needs the file; one that nobody waits for any more is told already.
  for (const { promise } of arrivals.values()) promise.catch(() => {})
  const there = new Map<Sha256, number>()
  const failed = new Map<Offer, unknown>()
  const leaving = new AbortController()
  const over = AbortSignal.any([tools.over, leaving.signal])
  let filesDone = 0
  let bytesDone = 0
  let toldAt = Number.NEGATIVE_INFINITY

  function tell(now: number): void {
    toldAt = now
    const sum = [...there.values()].reduce((one, other) => one + other, 0)
    tools.report({ kind: 'progress', byteCount: sum, of: byteCount, filesDone, files: files.length })
  }

  function progress(sha256: Sha256, have: number): void {
    there.set(sha256, have)
    const now = tools.now()
    if (now - toldAt >= progressEveryMs) tell(now)
  }

  async function fetchOne(file: OfferedFile): Promise<void> {
    const { sha256 } = file
    const url = urls.get(sha256) ?? ''
    const began = tools.now()
    await download(
      { url, sha256, byteCount: file.byteCount },
      { ...tools, over, progress: (have) => progress(sha256, have) },
    )
    filesDone += 1
    bytesDone += file.byteCount
    tools.report({ kind: 'fetched', url, byteCount: file.byteCount, tookMs: tools.now() - began })
    tell(tools.now())
  }

  async function bring(file: OfferedFile): Promise<void> {
    const needing = (neededBy.get(file.sha256) ?? []).map(({ offer }) => offer)
    const arrival = arrivals.get(file.sha256)
    try {
      // Of an image that cannot be whole any more, the other files are of no use.
      const faults = needing.map((offer) => failed.get(offer))
      if (faults.every((fault) => fault !== undefined)) throw faults[0]
      await fetchOne(file)
      arrival?.resolve()
    } catch (fault) {
      for (const offer of needing) if (!failed.has(offer)) failed.set(offer, fault)
      arrival?.reject(fault)
    }
  }

  const queue = [...files]
  async function work(): Promise<void> {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await bring(file)
  }
  const workers = Array.from({ length: Math.min(tools.downloads, files.length) }, async () => await work())

  return {
    files: files.length,
    byteCount,
    async arrival(offer) {
      await Promise.all(offer.files.map(async ({ sha256 }) => await arrivals.get(sha256)?.promise))
    },
    async ended() {
      await Promise.all(workers)
      return bytesDone
    },
    async [Symbol.asyncDispose]() {
      leaving.abort()
      await Promise.all(workers)
    },
  }
}
