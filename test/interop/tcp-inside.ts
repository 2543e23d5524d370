import { request } from 'node:http'
import { Socket } from 'node:net'
import { node } from 'koffi'
import { writeSocketAddress } from '../../server/listen/outgoing-message.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import { calls, inside } from './inside.ts'

type Where = { readonly address: Ipv4; readonly port: number }

const AF_INET = 2
const SOCK_STREAM = 1
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000

/** The descriptor of a connection that is being opened from a namespace. Whoever asked for it closes it. */
export function descriptorInside(namespace: string, to: Where): number {
  const address = new Uint8Array(16)
  writeSocketAddress(new DataView(address.buffer), 0, to)
  return inside(namespace, () => {
    const fd = calls().socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (fd < 0) throw new Error('no socket can be opened')
    calls().connect(fd, address, address.length)
    return fd
  })
}

/** The same of one that stands, so that it can be written to; where nobody listens, writing says so. */
export async function connectedInside(namespace: string, to: Where): Promise<number> {
  const fd = descriptorInside(namespace, to)
  await new Promise<void>((resolve) => {
    const poll = node.poll(fd, { writable: true }, () => {
      poll.close()
      resolve()
    })
  })
  return fd
}

/** A TCP connection from a namespace; what is written waits until it stands. */
export function connectInside(namespace: string, to: Where): Socket {
  return new Socket({ fd: descriptorInside(namespace, to), readable: true, writable: true })
}

export type HttpAnswer = { readonly status: number; readonly body: Buffer }

export type HttpQuestion = { readonly method?: string; readonly path: string; readonly body?: string }

/** Asks by HTTP from a namespace, on a connection of its own. */
export async function askInside(
  namespace: string,
  to: Where,
  { method = 'GET', path, body }: HttpQuestion,
): Promise<HttpAnswer> {
  return await new Promise((resolve, reject) => {
    const createConnection = (): Socket => connectInside(namespace, to)
    const where = { host: to.address, port: to.port, method, path }
    const asked = request({ ...where, createConnection, timeout: 60_000 }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }))
      response.once('error', reject)
    })
    asked.once('timeout', () => asked.destroy(new Error(`${path}: no answer`)))
    asked.once('error', reject)
    asked.end(body)
  })
}
