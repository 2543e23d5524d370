import type { ImageReference } from '../config/image-name.ts'
import type { Sha256 } from '../wire/sha256.ts'
import { filesOf, versionName, type Manifest } from './manifest.ts'
import { isComplete, newestFirst } from './newest-version.ts'

/** All that lies in a store, and who wants what of it. */
export type SweepView = {
  readonly manifests: readonly Manifest[]
  /** Some manifest cannot be read, so that nobody knows which blobs it names. */
  readonly someUnreadable: boolean
  readonly blobs: readonly StoredBlob[]
  readonly unfinished: readonly Unfinished[]
  /** Versions that a person wants kept, as `versionName` writes them. */
  readonly pinned: ReadonlySet<string>
  /** Versions that boots under way run. */
  readonly running: ReadonlySet<string>
  /** What the settings name for machines. */
  readonly wanted: readonly ImageReference[]
}

export type StoredBlob = {
  readonly sha256: Sha256
  readonly byteCount: number
  /** Milliseconds since 1970-01-01 UTC. */
  readonly modifiedAt: number
}

/** What is left of a blob that has not come whole. With a digest, a later try can go on. */
export type Unfinished = {
  readonly file: string
  readonly sha256: Sha256 | undefined
  readonly byteCount: number
  readonly modifiedAt: number
}

export type SweepRules = {
  readonly now: number
  /** Versions of each synced image that stay. Own images stay until a person removes them: nobody could fetch them again. */
  readonly keep: number
  /** Blobs that no manifest names are left alone so long, for what was broken off and goes on. */
  readonly orphansKeptMs: number
  readonly unfinishedKeptMs: number
}

export type Sweep = {
  /** Versions to forget, then blobs and unfinished files to delete. */
  readonly versions: readonly string[]
  readonly blobs: readonly StoredBlob[]
  readonly unfinished: readonly Unfinished[]
}

/** Chooses what goes. Whatever a machine, a boot under way or a pin uses stays. */
export function sweep(view: SweepView, rules: SweepRules): Sweep {
  const goes = new Set(outlived(view, rules.keep).map(versionName))
  const named = new Set(
    view.manifests
      .filter((manifest) => !goes.has(versionName(manifest)))
      .flatMap((manifest) => filesOf(manifest).map(([, file]) => file.sha256)),
  )
  const freed = new Set(
    view.manifests
      .filter((manifest) => goes.has(versionName(manifest)))
      .flatMap((manifest) => filesOf(manifest).map(([, file]) => file.sha256)),
  )
  // A clock that was set back since makes a file young, and keeps nothing that is not kept at all.
  const isOld = (modifiedAt: number, keptMs: number): boolean =>
    keptMs === 0 || rules.now - modifiedAt >= keptMs
  return {
    versions: [...goes],
    blobs: view.someUnreadable
      ? []
      : view.blobs.filter(
          ({ sha256, modifiedAt }) =>
            !named.has(sha256) && (freed.has(sha256) || isOld(modifiedAt, rules.orphansKeptMs)),
        ),
    // Without a digest nobody can go on with it.
    unfinished: view.unfinished.filter(
      ({ sha256, modifiedAt }) => sha256 === undefined || isOld(modifiedAt, rules.unfinishedKeptMs),
    ),
  }
}

/** The synced versions beyond the newest ones, except those that somebody uses. */
function outlived(view: SweepView, keep: number): readonly Manifest[] {
  const sizes = new Map(view.blobs.map(({ sha256, byteCount }) => [sha256, byteCount]))
  const wanted = new Set(view.wanted.map(({ name, version }) => `${name}@${version ?? ''}`))
  return [...Map.groupBy(view.manifests, ({ name }) => name).values()].flatMap((versions) => {
    let whole = 0
    return newestFirst(versions).filter((manifest) => {
      const version = versionName(manifest)
      // One that lacks a file serves nobody, and does not count as one of those kept.
      const isBeyond = whole >= keep
      if (isComplete(manifest, sizes)) whole++
      return (
        isBeyond &&
        manifest.origin.kind === 'stream' &&
        !view.pinned.has(version) &&
        !view.running.has(version) &&
        !wanted.has(version)
      )
    })
  })
}
