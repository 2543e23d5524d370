/** One request to an upstream; redirects are answers like any other. `listen/url-client.ts` makes them. */
export type UrlOrder = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Breaks it off. */
  readonly over: AbortSignal
}

export type UrlAnswer = {
  readonly status: number
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /**
   * Each piece is good until the next is asked for. Ends with an `UpstreamFault` when the connection breaks, or nothing
   * comes for too long.
   */
  readonly body: AsyncIterable<Uint8Array>
  /** Hangs up, where the body is not read to its end. */
  close(): void
}

/** Rejects with an `UpstreamFault` where there is no answer. */
export type OpenUrl = (order: UrlOrder) => Promise<UrlAnswer>
