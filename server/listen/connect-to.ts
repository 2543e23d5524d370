import { connect, isIP, type Socket } from 'node:net'
import { connect as connectSecurely, type SecureContext } from 'node:tls'
import { Malformed } from '../wire/malformed.ts'
import { ByteSource } from './byte-source.ts'
import { readHead } from './read-head.ts'
import { proxyHeaders, type Way } from './way-to.ts'

export type Connection = { readonly socket: Socket; readonly source: ByteSource }

export type ConnectOrder = {
  readonly url: URL
  readonly way: Way
  readonly silenceMs: number
  readonly silent: () => Error
  /** For https; made when it is first needed. */
  readonly context: () => SecureContext
  readonly over: AbortSignal
}

/** The proxy would not let us through, by the status that it gave. */
export class NoWayThrough extends Error {
  override readonly name = 'NoWayThrough'
  readonly status: number

  constructor(status: number) {
    super(`it answers with ${status}`)
    this.status = status
  }
}

/** Opens a connection on which a URL can be asked for. */
export async function connectTo(order: ConnectOrder): Promise<Connection> {
  const { url, way } = order
  const first = way.kind === 'direct' ? url : way.proxy
  const connection = await open(order, first, undefined)
  if (way.kind !== 'tunnel') return connection
  try {
    await askForTunnel(connection, url, way.proxy)
    return await open(order, url, connection.socket)
  } catch (error) {
    connection.socket.destroy()
    throw error
  }
}

/** `through` is a connection that leads there already. */
async function open(order: ConnectOrder, url: URL, through: Socket | undefined): Promise<Connection> {
  const source = new ByteSource(order.silenceMs, order.silent)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isSecure = url.protocol === 'https:'
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port)
  // A connection that another is led through is read by that one, and not into a room.
  const isRead = through === undefined && order.way.kind !== 'tunnel'
  const room = isRead ? { onread: source.intoOneRoom() } : {}
  const name = isIP(host) === 0 ? { servername: host } : {}
  const socket = isSecure
    ? connectSecurely({
        secureContext: order.context(),
        ...name,
        ...(through === undefined ? { host, port, ...room } : { host, socket: through }),
      })
    : connect({ host, port, ...room })
  source.from(socket, isRead ? 'into-one-room' : 'by-itself')
  const stop = (): void => void socket.destroy()
  order.over.addEventListener('abort', stop, { once: true })
  socket.once('close', () => order.over.removeEventListener('abort', stop))
  await ready(socket, isSecure ? 'secureConnect' : 'connect', order)
  return { socket, source }
}

async function ready(socket: Socket, event: 'connect' | 'secureConnect', order: ConnectOrder): Promise<void> {
  const silence = setTimeout(() => socket.destroy(order.silent()), order.silenceMs)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(event, resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the connection broke')))
    })
  } finally {
    clearTimeout(silence)
  }
}

/** RFC 9110 §9.3.6. */
async function askForTunnel({ socket, source }: Connection, url: URL, proxy: URL): Promise<void> {
  const to = `${url.hostname}:${url.port === '' ? '443' : url.port}`
  const headers = Object.entries({ host: to, ...proxyHeaders(proxy) }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  socket.write(`CONNECT ${to} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
  const { status } = await readHead(source)
  if (status < 200 || status > 299) throw new NoWayThrough(status)
  if (source.release() !== undefined) throw new Malformed('the proxy speaks before it was spoken to')
}
