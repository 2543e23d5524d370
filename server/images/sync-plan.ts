import type { Sha256 } from '../wire/sha256.ts'
import { filesOf, type Manifest } from './manifest.ts'
import type { Offer } from './offer.ts'
import { byBytes } from './stream-products.ts'

/** What is to be done about the offers of the upstreams. */
export type SyncPlan = {
  /** To be fetched, in this order: of one image the older version first. */
  readonly fetch: readonly Offer[]
  /** In the store already. */
  readonly present: readonly Offer[]
  /** Older than what is in the store: whoever offers them went back in time. */
  readonly older: readonly { readonly offer: Offer; readonly than: string }[]
  /** In the store under the same version, with another content. */
  readonly changed: readonly Offer[]
}

/** `has` are the blobs of the store: a version that lost one is fetched again. */
export function planSync(
  offers: readonly Offer[],
  manifests: readonly Manifest[],
  has: ReadonlySet<Sha256>,
): SyncPlan {
  const once = [...new Map(offers.map((offer) => [`${offer.name}@${offer.version}`, offer])).values()]
  const present: Offer[] = []
  const changed: Offer[] = []
  const older: { offer: Offer; than: string }[] = []
  const fetch: Offer[] = []
  for (const offer of once) {
    const versions = manifests.filter(({ name }) => name === offer.name)
    const same = versions.find(({ version }) => version === offer.version)
    if (same !== undefined && !isAs(offer, same)) changed.push(offer)
    else if (same !== undefined && filesOf(same).every(([, { sha256 }]) => has.has(sha256)))
      present.push(offer)
    else if (same !== undefined) fetch.push(offer)
    else {
      // Of two versions the one published later is the newer: an older one must not be published after it.
      const newest = versions
        .filter(({ origin }) => origin.kind === 'stream')
        .map(({ version }) => version)
        .toSorted(byBytes)
        .at(-1)
      if (newest !== undefined && byBytes(offer.version, newest) < 0) older.push({ offer, than: newest })
      else fetch.push(offer)
    }
  }
  return { fetch, present, older, changed }
}

/** Files that were turned into another form since cannot be compared. */
function isAs(offer: Offer, manifest: Manifest): boolean {
  return offer.files.every(({ role, form, sha256 }) => {
    const file = manifest.files[role]
    return file === undefined || file.form !== form || file.sha256 === sha256
  })
}

/** Each blob of the offers once, in their order, without those that are there. */
export function missingBlobs(
  offers: readonly Offer[],
  has: ReadonlySet<Sha256>,
): readonly Offer['files'][number][] {
  const files = offers.flatMap((offer) => offer.files)
  return [...new Map(files.map((file) => [file.sha256, file])).values()].filter(
    ({ sha256 }) => !has.has(sha256),
  )
}
