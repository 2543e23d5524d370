import type { OpenUrl } from './open-url.ts'

/** What asking an upstream needs of the world. */
export type UpstreamTools = {
  readonly openUrl: OpenUrl
  readonly now: () => number
  /** Rejects with the reason of `over` when that comes first. */
  readonly wait: (ms: number, over: AbortSignal) => Promise<void>
  /** A number from 0 up to 1. */
  readonly chance: () => number
  /** Breaks everything off. */
  readonly over: AbortSignal
}
