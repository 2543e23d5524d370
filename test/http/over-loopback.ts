import { once } from 'node:events'
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export type Reply = {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly rawPayload: Buffer
  readonly body: string
}

export type Asking = {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: string | Buffer
}

/** Serves an app on loopback until the test is over, and asks it. Paths leave as they are written. */
export async function overLoopback(
  t: Test,
  app: RequestListener,
): Promise<{ readonly port: number; readonly ask: (asking: Asking) => Promise<Reply> }> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, ask: async (asking) => await ask(port, asking) }
}

async function ask(port: number, { url, method = 'GET', headers = {}, payload }: Asking): Promise<Reply> {
  const asked = request({ port, host: '127.0.0.1', path: url, method, headers: { ...headers }, agent: false })
  asked.end(payload)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const rawPayload = Buffer.concat(await response.toArray())
  return {
    statusCode: response.statusCode ?? 0,
    headers: response.headers,
    rawPayload,
    body: rawPayload.toString(),
  }
}

/** The first piece of a body. What comes after it waits until it is read: without a listener it would be lost. */
export async function firstPiece(response: IncomingMessage): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    response.once('error', reject).once('data', (piece: Buffer) => {
      response.pause()
      resolve(piece)
    })
  })
}

/** What other programs do takes more turns than that, and they need the processor. */
const turnsAtOnce = 200

/** Waits, turn by turn, until `done` says so. The runner's own limit ends what never comes. */
export async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; !done(); turn++) {
    await new Promise((resolve) => (turn < turnsAtOnce ? setImmediate(resolve) : setTimeout(resolve, 2)))
  }
}
