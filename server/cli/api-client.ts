import type { IncomingMessage } from 'node:http'
import { fileTrouble } from '../wire/file-trouble.ts'
import { askRemote, type Question, type RemoteBox } from './remote-box.ts'
import { endInSilence, Silent, silentBox } from './silence.ts'
import { Sorry } from './sorry.ts'
import { Stopped } from './stopped.ts'

// Not by an import, which would cost the appliance 13 MB (listen/http.ts).
const { request } = process.getBuiltinModule('node:http')

/** Where a box is asked, and for how long it is waited for. */
export type Box = (LocalBox | RemoteBox) & {
  /** Ends what is asked at once. */
  readonly stop?: AbortSignal
  /** For so long it may say nothing; a minute where absent. */
  readonly silenceMs?: number
}

/** The box that runs here. */
export type LocalBox = { readonly socket: string }

/** No appliance runs here: it was not asked. */
export class NotRunning extends Sorry {
  override readonly name = 'Sorry'
}

/** It ended before it answered, and may have done what it was asked. */
export class CutOff extends Sorry {
  override readonly name = 'Sorry'
}

/** It answered that it does not do what it was asked. */
export class Refused extends Sorry {
  override readonly name = 'Sorry'
  readonly status: number

  constructor(status: number, because: string, nextStep?: string) {
    super(because, nextStep)
    this.status = status
  }
}

/** The socket file of a running appliance, in its data folder. */
export const socketName = 'ironwake.sock'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

const answerLimitBytes = 256 * 1024 * 1024

/** Asks the running appliance; what it refuses, and that it does not run, becomes a `Sorry` with the next step. */
export async function ask(box: Box, method: Method, path: string, body?: unknown): Promise<unknown> {
  const text = await askForText(box, method, path, body)
  return text === '' ? undefined : JSON.parse(text)
}

/** Asks the running appliance for a text that is no JSON. */
export async function askForText(box: Box, method: Method, path: string, body?: unknown): Promise<string> {
  return await textIn(await open(box, { method, path, body }), box)
}

/** Asks the running appliance for something that is no JSON. */
export async function askForBytes(box: Box, path: string): Promise<Uint8Array> {
  const response = await open(box, { method: 'GET', path })
  return await stoppable(box.stop, async () => {
    const parts: Buffer[] = []
    let length = 0
    for await (const part of response as AsyncIterable<Buffer>) {
      parts.push(part)
      length += part.length
      if (length > answerLimitBytes) throw new Sorry('the answer of the appliance is too large to hold')
    }
    return Buffer.concat(parts)
  })
}

/** The data of server-sent events, one after another, until the appliance stops or the stop of the box ends it. */
export async function* listen(box: Box, path: string): AsyncGenerator {
  const response = await open(box, { method: 'GET', path })
  // Once it has begun, a person watches it. Over the network a line may be dead, which the lack of heartbeats tells.
  if ('socket' in box) response.socket.setTimeout(0)
  let rest = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const blocks = (rest + chunk).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = block.split('\n').find((line) => line.startsWith('data: '))
        if (data !== undefined) yield JSON.parse(data.slice('data: '.length))
      }
    }
  } catch (error) {
    if (box.stop?.aborted !== true && !isReset(error)) throw error
  }
}

/** The slowest answers, of clusters and of what they are asked, take less than half of it. */
const usualSilenceMs = 60_000

async function open(box: Box, asked: Omit<Question, 'silenceMs' | 'signal'>): Promise<IncomingMessage> {
  const { stop: signal, silenceMs = usualSilenceMs } = box
  const question = { ...asked, signal, silenceMs }
  const response = await stoppable(signal, async () =>
    'socket' in box ? await askSocket(box.socket, question) : await askRemote(box, question),
  )
  const status = response.statusCode ?? 0
  if (status < 400) return response
  const text = await textIn(response, box)
  const because = detailOf(text) ?? `the appliance answered with status ${status}`
  throw new Refused(status, because, 'socket' in box ? undefined : nextStepAfter(status))
}

async function textIn(response: IncomingMessage, { stop }: Box): Promise<string> {
  return await stoppable(stop, async () => {
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk
      if (text.length > answerLimitBytes) throw new Sorry('the answer of the appliance is too large to hold')
    }
    return text
  })
}

/** What fails because a person ended it is no fault of the box. */
async function stoppable<T>(stop: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw stop?.aborted === true ? new Stopped() : error
  }
}

/** What helps who is refused by a box elsewhere for the token that was shown; the reason says what was wrong with it. */
function nextStepAfter(status: number): string | undefined {
  if (status === 401) return 'Make another token on the box: ironwake tokens create NAME --role ROLE'
  if (status === 403) return 'Make a token of that role on the box: ironwake tokens create NAME --role ROLE'
  return undefined
}

async function askSocket(
  socketPath: string,
  { method, path, body, signal, silenceMs }: Question,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const headers = text === undefined ? {} : { 'Content-Type': 'application/json' }
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const where = { socketPath, method, path, headers, timeout: silenceMs }
    const asked = request({ ...where, ...(signal === undefined ? {} : { signal }) }, resolve)
    endInSilence(asked, () => silentBox(`the appliance here (${socketPath})`, silenceMs))
    asked.once('error', (error) => reject(error instanceof Sorry ? error : sorryFor(error, socketPath)))
    asked.end(text)
  })
}

function sorryFor(error: NodeJS.ErrnoException, socketPath: string): Sorry {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
    // A path too long for a socket: no appliance can have started there.
    case 'EINVAL':
      return new NotRunning(
        `no appliance is running here (${socketPath}). Start it with: ironwake serve`,
        'If it runs with other settings, name them with --settings or its folder with --data.',
      )
    // Its queue of those who wait is full.
    case 'EAGAIN':
      return new Silent(
        `the appliance here (${socketPath}) takes no more questions`,
        'See whether it hangs; where it does, stop it and start it again: ironwake serve',
      )
    case 'ECONNRESET':
    case 'EPIPE':
      return new CutOff(
        `the appliance here (${socketPath}) ended before it answered`,
        'What was asked may have been done. See whether it runs, and ask again.',
      )
    case 'EACCES':
      return new Sorry(`${socketPath} may be opened only by the user that runs the appliance, often root.`)
    default:
      return new Sorry(`the appliance here (${socketPath}) cannot be asked: ${fileTrouble(error)}`)
  }
}

function detailOf(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null && 'detail' in body ? String(body.detail) : undefined
  } catch {
    return undefined
  }
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
}
