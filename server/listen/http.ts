import type { RequestListener, Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { chmodSync, rmSync } from 'node:fs'
import type { ApplianceEvent } from '../events/event.ts'

// An import asks the module for everything that it exports, a WebSocket among it, which loads a second HTTP client and HTTP/2:
// 13 MB at rest.
const { createServer } = process.getBuiltinModule('node:http')

/** `port` is 0 for a socket file. */
export type HttpListener = AsyncDisposable & { readonly port: number }

type AnyServer = Server | TlsServer

export type MalformedWords = {
  readonly protocol: 'http' | 'https'
  readonly inWords: (error: NodeJS.ErrnoException) => string
}

/** Limits that no booting machine comes near: iPXE, wget, curl and cloud-init send short requests. */
export const limits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
}
const mostConnections = 4_096

/** Listens on an address and a port; what is not HTTP becomes a `packet-malformed` event and a 400. */
export async function listenHttp(
  app: RequestListener,
  where: { readonly address: string; readonly port: number },
  tell: (event: ApplianceEvent) => void,
): Promise<HttpListener> {
  const server = createServer(limits, app)
  server.maxConnections = mostConnections
  refuseMalformed(server, tell)
  return await started(
    server,
    () => server.listen(where.port, where.address),
    `${where.address}:${where.port}`,
  )
}

/** Listens on a socket file that only the owner of the running program may open. */
export async function listenSocketFile(app: RequestListener, path: string): Promise<HttpListener> {
  // A file left by a run that was killed; the store's lock has already shown that no other run is alive.
  rmSync(path, { force: true })
  const server = createServer(limits, app)
  const umask = process.umask(0o177)
  try {
    const listener = await started(server, () => server.listen(path), path)
    chmodSync(path, 0o600)
    return listener
  } finally {
    process.umask(umask)
  }
}

const badRequest = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/** What is not HTTP is told of, in the words given, and answered with 400. */
export function refuseMalformed(
  server: AnyServer,
  tell: (event: ApplianceEvent) => void,
  { protocol, inWords }: MalformedWords = { protocol: 'http', inWords: (error) => error.message },
): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A peer that hangs up in the middle has said nothing wrong.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') {
      const from =
        'remoteAddress' in socket && typeof socket.remoteAddress === 'string' ? socket.remoteAddress : '?'
      tell({ kind: 'packet-malformed', protocol, from, because: inWords(error) })
    }
    // What is written into a handshake that failed would wait for its end, which does not come.
    if (!socket.writable || /^ERR_(?:SSL|TLS)_/.test(error.code ?? '')) socket.destroy()
    // A peer that neither reads nor closes would otherwise hold the connection for ever.
    else socket.end(badRequest, () => socket.destroy())
  })
}

/**
 * Listens; rejects with a sentence where that cannot be. What is open when it is closed is broken off, connections in a TLS
 * handshake among it: HTTP does not know those yet, and each would be answered, for as long as it likes, when its handshake is done.
 */
export async function started(server: AnyServer, listen: () => void, where: string): Promise<HttpListener> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const told = new Error(sentenceFor(error, where), { cause: error })
      reject(Object.assign(told, { code: error.code }))
    })
    server.once('listening', resolve)
    listen()
  })
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

function sentenceFor(error: NodeJS.ErrnoException, where: string): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where} is taken by another program. Stop it, or choose another port in the settings.`
    case 'EACCES':
      return `${where} may not be opened. Run as root, or give the program CAP_NET_BIND_SERVICE.`
    case 'EINVAL':
      // struct sockaddr_un has room for 108 bytes, the closing NUL included (unix(7)).
      return `${where} is too long for the path of a socket, which has at most 107 bytes. Choose another data folder.`
    case 'EADDRNOTAVAIL':
      return `${where} is not an address of this box.`
    default:
      return `${where} cannot be opened: ${error.message}`
  }
}
