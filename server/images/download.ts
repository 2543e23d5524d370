import type { Sha256 } from '../wire/sha256.ts'
import { askUpstream } from './ask-upstream.ts'
import type { BlobStore, Receiving, Stored } from './blob-store.ts'
import { ImageFault } from './image-fault.ts'
import type { UrlAnswer } from './open-url.ts'
import { Pace } from './pace.ts'
import { isPassing, mostTries, pauseBefore } from './patience.ts'
import type { RateLimit } from './rate-limit.ts'
import { UpstreamFault } from './upstream-fault.ts'
import type { UpstreamTools } from './upstream-tools.ts'

export type DownloadOrder = {
  readonly url: string
  /** Without it nothing is kept for a later run: the file has no name yet. */
  readonly sha256: Sha256 | undefined
  readonly byteCount: number
}

export type DownloadTools = UpstreamTools & {
  readonly store: Pick<BlobStore, 'receive'>
  readonly rate: RateLimit | undefined
  /** Told how many bytes of the file are there, each time more came or some were dropped. */
  readonly progress: (byteCount: number) => void
}

/** A try that brought less than this counts as one that brought nothing. */
const worthBytes = 1024 * 1024

/**
 * Brings one file into the store. Goes on where an earlier try or an earlier run stopped, and checks size and digest as
 * bytes flow. What broke off is kept for the next run; what is wrong is refused and leaves nothing behind.
 */
export async function download(order: DownloadOrder, tools: DownloadTools): Promise<Stored> {
  const first = await inPieces(order, tools)
  if (first !== 'torn') return first
  // Pieces of different answers did not fit together. From one answer they do, or the server has something else.
  const second = await inPieces(order, tools)
  if (second !== 'torn') return second
  throw notWhatWasSigned(order)
}

/** Tries until all is there. `torn`: it was put together from several answers and is not what was signed. */
async function inPieces(order: DownloadOrder, tools: DownloadTools): Promise<Stored | 'torn'> {
  const receiving = await tools.store.receive({ sha256: order.sha256, byteCount: order.byteCount })
  const transfer = new Transfer(order, tools, receiving)
  try {
    await transfer.run()
  } catch (error) {
    const isWorthKeeping = isPassing(error) || (error instanceof UpstreamFault && error.kind === 'stopped')
    if (isWorthKeeping && transfer.at > 0 && order.sha256 !== undefined) await receiving.pause()
    else await receiving.discard()
    tools.progress(isWorthKeeping ? transfer.at : 0)
    throw error
  }
  try {
    return await receiving.publish()
  } catch (error) {
    if (!(error instanceof ImageFault) || error.kind !== 'wrong-digest') throw error
    tools.progress(0)
    if (transfer.answers > 1 || receiving.have > 0) return 'torn'
    throw notWhatWasSigned(order)
  }
}

class Transfer {
  /** Bytes that are there. */
  at: number
  /** Answers whose bytes were taken. */
  answers = 0
  readonly #order: DownloadOrder
  readonly #tools: DownloadTools
  readonly #receiving: Receiving
  /** Says that the file on the server is still the same. */
  #tag: string | undefined
  #canResume = true

  constructor(order: DownloadOrder, tools: DownloadTools, receiving: Receiving) {
    this.#order = order
    this.#tools = tools
    this.#receiving = receiving
    this.at = receiving.have
  }

  async run(): Promise<void> {
    const { wait, chance, over, progress } = this.#tools
    progress(this.at)
    for (let fruitless = 0; this.at < this.#order.byteCount;) {
      const before = this.at
      try {
        await this.#oneTry()
      } catch (error) {
        fruitless = this.at - before >= worthBytes ? 0 : fruitless + 1
        if (!isPassing(error) || fruitless >= mostTries) throw error
        await wait(pauseBefore(error, fruitless, chance), over)
      }
    }
  }

  async #oneTry(): Promise<void> {
    // Pieces of two files would be found out by the digest, or else have to be told apart by the tag.
    const isSure = this.#order.sha256 !== undefined || this.#tag !== undefined
    const isResumed = this.at > 0 && this.#canResume && isSure
    if (this.at > 0 && !isResumed) await this.#restart()
    const answer = await askUpstream(this.#order.url, isResumed ? this.#rangeHeaders() : {}, this.#tools)
    try {
      if (isResumed && !this.#goesOn(answer)) {
        await this.#restart()
        // 200 is the whole file; after any other answer it must be asked for again.
        if (answer.status !== 200) {
          this.#canResume = false
          return
        }
      }
      await this.#take(answer)
    } finally {
      answer.close()
    }
  }

  #rangeHeaders(): Record<string, string> {
    const range = { range: `bytes=${this.at}-` }
    return this.#tag === undefined ? range : { ...range, 'if-range': this.#tag }
  }

  /** Whether the answer begins where the file stops. */
  #goesOn(answer: UrlAnswer): boolean {
    if (answer.status !== 206) return false
    const [, from, total] =
      /^bytes ([0-9]+)-[0-9]+\/([0-9]+|\*)$/.exec(answer.headers.get('content-range') ?? '') ?? []
    if (total !== '*' && Number(total) !== this.#order.byteCount) return false
    return Number(from) === this.at
  }

  async #take(answer: UrlAnswer): Promise<void> {
    const { url, byteCount } = this.#order
    const { now, wait, over, rate, progress } = this.#tools
    if (answer.status === 416 || (answer.status === 206 && this.at === 0)) {
      throw new UpstreamFault('refused', `${url} is not given out whole (${answer.status}).`)
    }
    const announced = answer.headers.get('content-length')
    if (announced !== undefined && Number(announced) !== byteCount - this.at) {
      const because = `${url} has ${Number(announced) + this.at} bytes, and ${byteCount} were signed.`
      throw new UpstreamFault('wrong-content', because)
    }
    this.#tag = tagOf(answer)
    this.answers += 1
    const pace = new Pace(now)
    pace.waiting()
    for await (const bytes of answer.body) {
      pace.came(bytes.length, url)
      if (this.at + bytes.length > byteCount) {
        throw new UpstreamFault(
          'wrong-content',
          `${url} goes on after the ${byteCount} bytes that were signed.`,
        )
      }
      await this.#receiving.write(bytes)
      this.at += bytes.length
      progress(this.at)
      const pause = rate?.take(bytes.length) ?? 0
      if (pause > 0) await wait(pause, over)
      pace.waiting()
    }
    if (this.at < byteCount) {
      const because = `${url} ended after ${this.at} bytes, and ${byteCount} were signed.`
      throw new UpstreamFault('unreachable', because)
    }
  }

  async #restart(): Promise<void> {
    await this.#receiving.restart()
    this.at = 0
    this.answers = 0
    this.#tag = undefined
    this.#tools.progress(0)
  }
}

/** What a server may be asked by whether the file has changed: weak tags do not promise the same bytes (RFC 9110 §13.1.5). */
function tagOf({ headers }: UrlAnswer): string | undefined {
  const tag = headers.get('etag')
  return tag?.startsWith('"') === true ? tag : headers.get('last-modified')
}

function notWhatWasSigned({ url, sha256 }: DownloadOrder): UpstreamFault {
  const because = `${url} is not what was signed: its SHA-256 is not ${sha256}.`
  const nextStep = 'A mirror may be changing just now; the next sync tries again.'
  return new UpstreamFault('wrong-content', because, { nextStep })
}
