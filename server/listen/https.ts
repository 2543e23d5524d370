import type { Server } from 'node:https'
import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import type { ApplianceEvent } from '../events/event.ts'
import { limits, refuseMalformed, started, type HttpListener } from './http.ts'

export type Identity = { readonly key: string; readonly cert: string }

export type HttpsListener = HttpListener & {
  /** Connections from now on are answered with this certificate; those that stand are not touched. */
  exchange(identity: Identity): void
}

/** A person and some programs; a browser opens six. */
const mostConnections = 512
const mostOfOneAddress = 32
const handshakeTimeoutMs = 10_000
const requestTimeoutMs = 30_000

/** Listens by HTTPS on an address and a port: TLS 1.2 or later, and no address takes all of the connections. */
export async function listenHttps(
  app: RequestListener,
  where: { readonly address: string; readonly port: number },
  identity: Identity,
  tell: (event: ApplianceEvent) => void,
): Promise<HttpsListener> {
  // With the first listener, and as node:http is loaded (http.ts).
  const { createServer } = process.getBuiltinModule('node:https')
  const tls = { ...identity, minVersion: 'TLSv1.2' as const, handshakeTimeout: handshakeTimeoutMs }
  const server = createServer({ ...limits, requestTimeout: requestTimeoutMs, ...tls }, app)
  server.maxConnections = mostConnections
  shareConnections(server)
  // A handshake that fails comes here, too.
  refuseMalformed(server, tell, { protocol: 'https', inWords })
  const listener = await started(
    server,
    () => server.listen(where.port, where.address),
    `${where.address}:${where.port}`,
  )
  return {
    ...listener,
    exchange: (next) => server.setSecureContext({ ...next, minVersion: 'TLSv1.2' }),
  }
}

/** More than its share of one address is let go: who holds many lines open must not keep others out. */
function shareConnections(server: Server): void {
  const open = new Map<string, number>()
  // Before TLS begins: `secureConnection` comes after it.
  server.prependListener('connection', (socket: Socket) => {
    const from = socket.remoteAddress
    if (from === undefined) return
    const count = (open.get(from) ?? 0) + 1
    if (count > mostOfOneAddress) {
      socket.destroy()
      return
    }
    open.set(from, count)
    socket.once('close', () => {
      const left = (open.get(from) ?? 1) - 1
      if (left > 0) open.set(from, left)
      else open.delete(from)
    })
  })
}

function inWords(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ERR_SSL_HTTP_REQUEST':
      return 'it speaks HTTP, and this port speaks HTTPS'
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
      return 'it speaks TLS older than 1.2'
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return `it did not finish its TLS handshake within ${handshakeTimeoutMs / 1000} s`
    default:
      return error.code?.startsWith('ERR_SSL') === true ? `its TLS is refused (${error.code})` : error.message
  }
}
