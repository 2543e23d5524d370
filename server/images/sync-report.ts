import type { Manifest } from './manifest.ts'

/** What a sync tells while it works. */
export type SyncStep =
  | { readonly kind: 'asking'; readonly upstream: string; readonly url: string }
  | {
      readonly kind: 'planned'
      /** Versions of images that will be fetched, each as `name@version`. */
      readonly images: readonly string[]
      readonly present: readonly string[]
      readonly files: number
      readonly byteCount: number
    }
  | ({ readonly kind: 'progress' } & SyncProgress)
  | { readonly kind: 'fetched'; readonly url: string; readonly byteCount: number; readonly tookMs: number }
  | { readonly kind: 'preparing'; readonly image: string }
  | { readonly kind: 'published'; readonly image: string; readonly byteCount: number }
  | ({ readonly kind: 'refused' } & Refusal)

export type SyncProgress = {
  /** Of the files that were missing; what came in an earlier run counts. */
  readonly byteCount: number
  readonly of: number
  readonly filesDone: number
  readonly files: number
}

/** An image that was asked for and is not there now. */
export type Refusal = {
  /** As it was asked for, or `name@version`. */
  readonly image: string
  readonly because: string
  readonly nextStep?: string
}

export type SyncOutcome = {
  readonly published: readonly Manifest[]
  readonly present: readonly string[]
  readonly refused: readonly Refusal[]
  /** Bytes of the files that were missing and are there now. */
  readonly byteCount: number
}
