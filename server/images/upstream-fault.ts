/** Why something of an upstream was not believed or did not come, as a sentence for the person who asked for it. */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault'
  readonly kind: UpstreamFaultKind
  readonly nextStep: string | undefined
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined

  constructor(
    kind: UpstreamFaultKind,
    because: string,
    more: { readonly nextStep?: string; readonly retryAfterMs?: number; readonly cause?: unknown } = {},
  ) {
    super(because, more.cause === undefined ? {} : { cause: more.cause })
    this.kind = kind
    this.nextStep = more.nextStep
    this.retryAfterMs = more.retryAfterMs
  }
}

export type UpstreamFaultKind =
  /** What it sent has not the form it should have. */
  | 'malformed'
  /** It names something outside of itself. */
  | 'unsafe'
  /** Why a signature was not accepted. */
  | 'signature-missing'
  | 'signature-foreign'
  | 'signature-expired'
  | 'signature-revoked'
  | 'signature-early'
  | 'signature-weak'
  | 'signature-broken'
  | 'too-large'
  /** Size or digest differ from what was signed. */
  | 'wrong-content'
  /** The server refuses, and would again. */
  | 'refused'
  | 'missing'
  /** No connection, one that broke, or a server that is overloaded; it may come back by itself. */
  | 'unreachable'
  | 'too-slow'
  /** To where it must not lead, or round in a circle. */
  | 'redirected'
  /** Somebody wanted it to end. */
  | 'stopped'
