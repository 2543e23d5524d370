/** A request of the Kubernetes API. */
export type KubeRequest = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With its query, and without the path of the server. */
  readonly path: string
  readonly body?: { readonly type: string; readonly text: string }
  /** When nothing comes for so long, the connection counts as broken. */
  readonly silenceMs: number
  /** Ends the request, and what is still to come of its answer. */
  readonly over: AbortSignal
}

export type KubeResponse = {
  readonly status: number
  /** `Retry-After` in seconds, where the server says so. */
  readonly retryAfter: number | undefined
  readonly body: AsyncIterable<Uint8Array>
  readonly close: () => void
}

/** Carries requests to one cluster. It fails with a `KubeFault`. */
export type KubeTransport = AsyncDisposable & {
  readonly send: (request: KubeRequest) => Promise<KubeResponse>
}
