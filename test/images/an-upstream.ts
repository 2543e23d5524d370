import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { crc32 } from 'node:zlib'
import { parseUpstreamBase, type UpstreamBase } from '../../server/config/upstream-base.ts'

/** A server for files, as mirrors are: ranges, tags, and whatever goes wrong with them. */
export type Upstream = AsyncDisposable & {
  readonly base: UpstreamBase
  /** Every request, in order. */
  readonly asked: readonly Asked[]
  put(path: string, bytes: Uint8Array): void
  remove(path: string): void
  bytesOf(path: string): Buffer
  paths(): readonly string[]
  /** Lets something else happen to requests for a path, until `behave`. */
  misbehave(path: string, act: Misbehaviour): void
  behave(): void
}

export type Asked = {
  readonly path: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly headers: IncomingMessage['headers']
}

/** What happens to the `times`-th request for a path, counted from 1; `false` leaves it to the server. */
export type Misbehaviour = (happening: Happening) => boolean

export type Happening = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
  readonly file: Buffer
  /** Where the request wants the file to begin. */
  readonly from: number
  readonly times: number
}

export async function anUpstream(): Promise<Upstream> {
  const files = new Map<string, Buffer>()
  const acts = new Map<string, { readonly act: Misbehaviour; times: number }>()
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    // A proxy is asked with the whole URL.
    const path = new URL(request.url ?? '/', 'http://upstream').pathname.slice(1)
    const { range, 'if-range': ifRange } = request.headers
    asked.push({ path, range, ifRange: firstOf(ifRange), headers: request.headers })
    const file = files.get(path) ?? Buffer.alloc(0)
    const from = Number(/^bytes=([0-9]+)-$/.exec(range ?? '')?.[1] ?? 0)
    const found = acts.get(path)
    if (found !== undefined) {
      found.times += 1
      const { socket } = request
      if (found.act({ request, response, socket, file, from, times: found.times })) return
    }
    if (!files.has(path)) return void response.writeHead(404).end('not here')
    serve(response, file, range === undefined ? 0 : from, firstOf(ifRange))
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const base = parseUpstreamBase(`http://127.0.0.1:${port}/`)
  if (base === undefined) throw new Error('this is a base')
  return {
    base,
    asked,
    put: (path, bytes) => void files.set(path, Buffer.from(bytes)),
    remove: (path) => void files.delete(path),
    paths: () => [...files.keys()],
    bytesOf: (path) => files.get(path) ?? Buffer.alloc(0),
    misbehave: (path, act) => void acts.set(path, { act, times: 0 }),
    behave: () => acts.clear(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function serve(response: ServerResponse, file: Buffer, from: number, ifRange: string | undefined): void {
  const tag = tagOf(file)
  const isPart = from > 0 && (ifRange === undefined || ifRange === tag)
  if (isPart && from >= file.length) {
    return void response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
  }
  const bytes = isPart ? file.subarray(from) : file
  response.writeHead(isPart ? 206 : 200, {
    'content-length': bytes.length,
    etag: tag,
    ...(isPart ? { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
  })
  response.end(bytes)
}

function firstOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value
}

/** Changes with the content. */
export function tagOf(file: Buffer): string {
  return `"${crc32(file).toString(16)}-${file.length}"`
}

/** Cuts the connection when so many bytes of the body are out: each time, or only the first few times. */
export function cutAfter(byteCount: number, mostTimes = Infinity): Misbehaviour {
  return ({ response, socket, file, from, times }) => {
    if (times > mostTimes) return false
    const isPart = from > 0
    const rest = file.subarray(from)
    response.writeHead(isPart ? 206 : 200, {
      'content-length': rest.length,
      etag: tagOf(file),
      ...(isPart ? { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
    })
    response.write(rest.subarray(0, byteCount), () => socket.destroy())
    return true
  }
}

/** Answers with raw text on the connection, which need not be HTTP, and hangs up. */
export function raw(text: string): Misbehaviour {
  return ({ socket }) => {
    socket.end(text, 'latin1')
    return true
  }
}

/** Answers with a status and perhaps some headers. */
export function answers(status: number, headers: Readonly<Record<string, string>> = {}): Misbehaviour {
  return ({ response }) => {
    response.writeHead(status, headers).end('no')
    return true
  }
}

/** Goes on without an end, announcing nothing. */
export const endless: Misbehaviour = ({ response, file, from }) => {
  const range = { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` }
  response.writeHead(from > 0 ? 206 : 200, from > 0 ? range : {})
  response.write(file.subarray(from))
  const more = Buffer.alloc(64 * 1024)
  const pump = (): void => {
    while (!response.destroyed && response.write(more));
    response.once('drain', pump)
  }
  pump()
  return true
}

/** Takes the request and says nothing. */
export const mute: Misbehaviour = () => true

/** Sends the file as far as this, and then nothing more. */
export function stallsAfter(byteCount: number): Misbehaviour {
  return ({ response, file, from }) => {
    const isPart = from > 0
    response.writeHead(isPart ? 206 : 200, {
      'content-length': file.length - from,
      ...(isPart ? { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
    })
    response.flushHeaders()
    response.write(file.subarray(from, Math.max(from, byteCount)))
    return true
  }
}

/** Serves these bytes in place of the file, in the same manner. */
export function otherBytes(change: (file: Buffer) => Buffer, mostTimes = Infinity): Misbehaviour {
  return ({ response, file, from, times }) => {
    if (times > mostTimes) return false
    serve(response, change(Buffer.from(file)), from, undefined)
    return true
  }
}
