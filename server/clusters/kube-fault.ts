/** What can go wrong with a cluster's API; each is told as a sentence. */
export type KubeFaultKind =
  /** Nobody answers, or not in time: it may be there later. */
  | 'unreachable'
  /** It does not prove to be the cluster that is meant. */
  | 'stranger'
  /** It does not know who asks. */
  | 'unauthorized'
  /** Who asks may not do this. */
  | 'forbidden'
  | 'not-found'
  /** It was changed by somebody else meanwhile, or is there already. */
  | 'conflict'
  /** What was asked for is no longer kept: a list must be read anew (410). */
  | 'gone'
  /** It asks to come again later (429, 503 and the like). */
  | 'busy'
  | 'refused'
  /** It does not speak as Kubernetes does. */
  | 'malformed'
  /** We no longer wanted it. */
  | 'stopped'

export class KubeFault extends Error {
  override readonly name = 'KubeFault'
  readonly kind: KubeFaultKind
  /** Seconds after which it asks to be tried again. */
  readonly retryAfter: number | undefined

  constructor(
    kind: KubeFaultKind,
    message: string,
    more: { readonly cause?: unknown; readonly retryAfter?: number } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.kind = kind
    this.retryAfter = more.retryAfter
  }
}
