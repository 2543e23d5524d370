import type { ServiceTrust } from '../config/power-settings.ts'

export type BmcRequest = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With its query; it begins with a slash. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly over: AbortSignal
}

export type BmcResponse = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** Carries requests to one BMC. It fails with a `PowerFault`. */
export type BmcTransport = { readonly send: (request: BmcRequest) => Promise<BmcResponse> }

/** Opens the way to a BMC; of its URL only the host and the port count. */
export type OpenBmc = (url: string, trust: ServiceTrust) => BmcTransport
