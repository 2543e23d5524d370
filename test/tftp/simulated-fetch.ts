import { negotiate } from '../../server/tftp/negotiate.ts'
import { encodeBlocks } from '../../server/tftp/encode.ts'
import { acknowledge, startTransfer, timeOut, type Step, type Transfer } from '../../server/tftp/transfer.ts'

/** What the network between server and client does to one packet: the times it is delivered after, if at all. */
export type Weather = (packet: { readonly toClient: boolean }) => readonly number[]

/** How a client answers a block that it did not expect. */
export type ClientHabit =
  /** Acknowledges the last good one each time, as EDK2 does. */
  | 'always'
  /** Once per gap, as RFC 7440 §4 asks. */
  | 'once'
  /** Only after its own time-out. */
  | 'after-timeout'

export type Fetch = {
  readonly received: Uint8Array
  readonly ended: 'complete' | 'give-up'
  readonly because: string
  readonly blocksSent: number
  readonly transfer: Transfer
  /** Milliseconds. */
  readonly took: number
}

type Happening = { readonly at: number; readonly run: () => void }

const clientTimeoutMs = 1_000

/**
 * Fetches a file from `transfer.ts` through a simulated network on a simulated clock. It ends by itself, since the server
 * does; whether the client has the file is for the test to say.
 */
export function simulateFetch(
  file: Uint8Array,
  options: ReadonlyMap<string, string>,
  weather: Weather,
  habit: ClientHabit = 'once',
): Fetch {
  const agreement = negotiate(options, file.length, { blockBytes: 65_464, windowBlocks: 16 })
  const { blockBytes, windowBlocks } = agreement.terms
  const room = new Uint8Array(windowBlocks * (blockBytes + 4))
  const queue: Happening[] = []
  let now = 0
  const later = (delay: number, run: () => void) => {
    const at = now + delay
    const place = queue.findLastIndex((waiting) => waiting.at <= at)
    queue.splice(place + 1, 0, { at, run })
  }

  const parts: Uint8Array[] = []
  let have = 0
  let sinceAnswer = 0
  let toldGap = false
  let finished = false
  let heardAt = 0

  const answer = () => {
    sinceAnswer = 0
    const block = have & 0xffff
    for (const delay of weather({ toClient: false }))
      later(delay, () => server(() => acknowledge(transfer, block, now)))
  }
  const client = (block: number, content: Uint8Array) => {
    heardAt = now
    if (block !== ((have + 1) & 0xffff)) {
      const mayTell = habit === 'always' || (habit === 'once' && !toldGap)
      toldGap = true
      if (mayTell) answer()
      return
    }
    if (finished) return answer()
    toldGap = false
    have++
    sinceAnswer++
    parts.push(content)
    finished = content.length < blockBytes
    if (finished || sinceAnswer >= windowBlocks) answer()
  }
  const clientTimeout = () => {
    if (ended !== undefined || finished) return
    if (now - heardAt >= clientTimeoutMs && (have > 0 || agreement.granted.size > 0)) answer()
    later(clientTimeoutMs, clientTimeout)
  }

  let blocksSent = 0
  let ended: (Step & { readonly kind: 'complete' | 'give-up' }) | undefined
  const server = (next: () => Step) => {
    if (ended !== undefined) return
    const step = next()
    transfer = step.transfer
    switch (step.kind) {
      case 'wait':
        return
      case 'send-options':
        for (const delay of weather({ toClient: true })) later(delay, answer)
        return
      case 'send-blocks': {
        const bytes = encodeBlocks(room, file, { first: step.first, last: step.last, blockBytes })
        for (let at = 0; at < bytes.length; at += blockBytes + 4) {
          blocksSent++
          const block = (bytes[at + 2]! << 8) | bytes[at + 3]!
          const content = bytes.slice(at + 4, at + 4 + blockBytes)
          for (const delay of weather({ toClient: true })) later(delay, () => client(block, content))
        }
        return
      }
      case 'complete':
      case 'give-up':
        ended = step
    }
  }

  const first = startTransfer(file.length, agreement, now)
  let { transfer } = first
  server(() => first)
  later(clientTimeoutMs, clientTimeout)
  const isOver = () => ended !== undefined
  while (!isOver()) {
    const next = queue[0]
    if (next !== undefined && next.at <= transfer.dueAt) {
      queue.shift()
      now = next.at
      next.run()
    } else {
      now = transfer.dueAt
      server(() => timeOut(transfer, now))
    }
  }
  if (ended === undefined) throw new Error('the simulation stopped before the transfer')
  return {
    received: Uint8Array.from(Buffer.concat(parts)),
    ended: ended.kind,
    because: ended.kind === 'give-up' ? ended.because : '',
    blocksSent,
    transfer,
    took: now,
  }
}

/** Whole numbers below 2^32 that follow from `seed` alone (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}
