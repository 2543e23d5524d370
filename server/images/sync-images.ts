import type { Sha256 } from '../wire/sha256.ts'
import type { BlobStore } from './blob-store.ts'
import type { Upstream } from './catalogue.ts'
import { fetchBlobs } from './fetch-blobs.ts'
import { ImageFault } from './image-fault.ts'
import { filesOf, versionName, type Manifest } from './manifest.ts'
import { offersFor, type Offer } from './offer.ts'
import { openUpstream, type KeyringReader, type OpenedUpstream } from './open-upstream.ts'
import type { RateLimit } from './rate-limit.ts'
import { planSync } from './sync-plan.ts'
import type { Refusal, SyncOutcome, SyncStep } from './sync-report.ts'
import { UpstreamFault } from './upstream-fault.ts'
import type { UpstreamTools } from './upstream-tools.ts'
import { wishesOf, type Wish } from './wish.ts'

export type SyncOrder = {
  readonly upstreams: readonly Upstream[]
  /** Names of images of the catalogue; `*` for every release or architecture. */
  readonly images: readonly string[]
  /** How many of the newest versions of each. */
  readonly versions: number
}

export type SyncTools = UpstreamTools & {
  readonly store: BlobStore
  readonly readKeyring: KeyringReader
  /** Downloads at the same time. */
  readonly downloads: number
  readonly rate: RateLimit | undefined
  /** Brings what was fetched into the form it is served in; what it gives is published. */
  readonly prepare: (fetched: Manifest) => Promise<Manifest>
  readonly report: (step: SyncStep) => void
}

/**
 * Fetches what is missing of the images that are asked for, and publishes each version whole or not at all. What one
 * upstream or image lacks does not hold up the others. Running it again does only what is left to do.
 */
export async function syncImages(order: SyncOrder, tools: SyncTools): Promise<SyncOutcome> {
  const refused: Refusal[] = []
  const refuse = (image: string, fault: unknown): void => {
    const refusal = { image, ...reasonOf(fault) }
    refused.push(refusal)
    tools.report({ kind: 'refused', ...refusal })
  }

  const sources = await offersOf(order, tools, refuse)
  const manifests = await tools.store.manifests()
  const has = await blobsOf(sources, manifests, tools.store)
  const offers = sources.map(({ offer }) => offer)
  const plan = planSync(offers, manifests, has)
  for (const offer of plan.changed) refuse(versionName(offer), changedFault(offer))
  for (const { offer, than } of plan.older) refuse(versionName(offer), olderFault(offer, than))

  const upstreamOf = new Map(sources.map(({ offer, upstream }) => [offer, upstream]))
  const wanted = plan.fetch.flatMap((offer) => {
    const upstream = upstreamOf.get(offer)
    return upstream === undefined ? [] : [{ offer, upstream }]
  })
  await using fetching = fetchBlobs(wanted, has, tools)
  tools.report({
    kind: 'planned',
    images: plan.fetch.map(versionName),
    present: plan.present.map(versionName),
    files: fetching.files,
    byteCount: fetching.byteCount,
  })

  const published: Manifest[] = []
  // One after the other: of one image the older version first, and conversions fill the processors by themselves.
  for (const { offer, upstream } of wanted) {
    try {
      await fetching.arrival(offer)
      published.push(await publish(offer, upstream, tools))
    } catch (fault) {
      refuse(versionName(offer), fault)
    }
  }
  const byteCount = await fetching.ended()
  return { published, present: plan.present.map(versionName), refused, byteCount }
}

type Source = { readonly offer: Offer; readonly upstream: Upstream }
type Refuse = (image: string, fault: unknown) => void

/** Asks each upstream once, whatever is wanted of it. */
async function offersOf(order: SyncOrder, tools: SyncTools, refuse: Refuse): Promise<readonly Source[]> {
  const wishes = [...new Set(order.images)].flatMap((name): readonly Wish[] => {
    try {
      return wishesOf(name, order.upstreams)
    } catch (fault) {
      refuse(name, fault)
      return []
    }
  })
  const opened = new Map<Upstream, Promise<OpenedUpstream>>()
  for (const { upstream } of wishes) {
    if (opened.has(upstream)) continue
    tools.report({ kind: 'asking', upstream: upstream.name, url: upstream.base })
    const opening = openUpstream(upstream, tools.readKeyring, tools)
    // Each wish meets the fault again below.
    opening.catch(() => {})
    opened.set(upstream, opening)
  }
  const sources: Source[] = []
  for (const wish of wishes) {
    try {
      const source = await opened.get(wish.upstream)
      const products = (await source?.products(wish.image.stream)) ?? []
      const { upstream } = wish
      sources.push(...offersFor(wish, products, order.versions).map((offer) => ({ offer, upstream })))
    } catch (fault) {
      refuse(wish.name, fault)
    }
  }
  return sources
}

/** Which of the blobs that matter are in the store. */
async function blobsOf(
  sources: readonly Source[],
  manifests: readonly Manifest[],
  store: BlobStore,
): Promise<ReadonlySet<Sha256>> {
  const digests = new Set([
    ...sources.flatMap(({ offer }) => offer.files.map(({ sha256 }) => sha256)),
    ...manifests.flatMap((manifest) => filesOf(manifest).map(([, { sha256 }]) => sha256)),
  ])
  const found = await Promise.all(
    [...digests].map(async (sha256) => ((await store.has(sha256)) ? [sha256] : [])),
  )
  return new Set(found.flat())
}

async function publish(offer: Offer, upstream: Upstream, tools: SyncTools): Promise<Manifest> {
  const image = versionName(offer)
  tools.report({ kind: 'preparing', image })
  const files = offer.files.map(
    ({ role, sha256, byteCount, form }) => [role, { sha256, byteCount, form }] as const,
  )
  const prepared = await tools.prepare({
    name: offer.name,
    version: offer.version,
    architecture: offer.architecture,
    files: Object.fromEntries(files),
    origin: { kind: 'stream', url: upstream.base, product: offer.product },
    publishedAt: tools.now(),
  })
  await tools.store.publishManifest(prepared)
  const byteCount = filesOf(prepared).reduce((sum, [, file]) => sum + file.byteCount, 0)
  tools.report({ kind: 'published', image, byteCount })
  return prepared
}

/** Our own mistakes are not the upstream's: they end the sync. */
function reasonOf(fault: unknown): { readonly because: string; readonly nextStep?: string } {
  const isKnown = fault instanceof UpstreamFault || fault instanceof ImageFault
  if (!isKnown || (fault instanceof UpstreamFault && fault.kind === 'stopped')) throw fault
  return { because: fault.message, ...(fault.nextStep === undefined ? {} : { nextStep: fault.nextStep }) }
}

function changedFault(offer: Offer): UpstreamFault {
  const because = `The upstream has changed the files of ${versionName(offer)}, which is here with others.`
  const nextStep = 'Ask the upstream why. A version is fetched once; the next one will be fetched.'
  return new UpstreamFault('wrong-content', because, { nextStep })
}

function olderFault(offer: Offer, than: string): UpstreamFault {
  const because = `The upstream offers ${versionName(offer)}, which is older than ${than} that is here.`
  const nextStep = 'A mirror may be behind; look when it was last brought up to date.'
  return new UpstreamFault('wrong-content', because, { nextStep })
}
