import { plainBlockBytes, type TftpOptions } from './packet.ts'

/** What both sides keep to during a transfer. */
export type Terms = {
  readonly blockBytes: number
  readonly windowBlocks: number
  /** How long the client asked us to wait before sending again; `undefined` when it did not ask. */
  readonly timeoutMs: number | undefined
}

export type Agreement = {
  readonly terms: Terms
  /** For the OACK; when empty there is none, and the first block answers the request. */
  readonly granted: TftpOptions
}

export type TftpCeilings = {
  readonly blockBytes: number
  readonly windowBlocks: number
}

/** IPv4 header (20), UDP header (8) and TFTP's own (4). */
const headerBytes = 32

/** RFC 2348. */
const smallestBlock = 8
const largestBlock = 65_464

/**
 * How many blocks leave before an answer is awaited. EDK2 asks for 4. Sixteen blocks are 23 kB: they fit into the buffers
 * of the switches and sockets on the way and fill a gigabit link. With 64 and 500 clients at once, receive buffers were
 * seen to overflow, and nothing was gained.
 */
export const largestWindow = 16

/** Blocks as large as an interface carries unfragmented: EDK2 and iPXE cannot always put fragments together. */
export function ceilingsOf(mtu: number): TftpCeilings {
  const blockBytes = Math.min(largestBlock, Math.max(smallestBlock, mtu - headerBytes))
  return { blockBytes, windowBlocks: largestWindow }
}

/** Grants what a client asks for, as far as it can be; what is unknown or makes no sense is left out (RFC 2347). */
export function negotiate(asked: TftpOptions, byteCount: number, ceilings: TftpCeilings): Agreement {
  const granted = new Map<string, string>()
  let terms: Terms = { blockBytes: plainBlockBytes, windowBlocks: 1, timeoutMs: undefined }
  for (const [name, text] of asked) {
    const value = decimal(text)
    if (value === undefined) continue
    switch (name) {
      case 'blksize': {
        // RFC 2348: the answer is at most what was asked. EDK2 breaks off if it is more.
        if (value < smallestBlock || value > largestBlock) continue
        terms = { ...terms, blockBytes: Math.min(value, ceilings.blockBytes) }
        granted.set(name, String(terms.blockBytes))
        break
      }
      case 'windowsize': {
        // RFC 7440 §3.
        if (value < 1 || value > 65_535) continue
        terms = { ...terms, windowBlocks: Math.min(value, ceilings.windowBlocks) }
        granted.set(name, String(terms.windowBlocks))
        break
      }
      case 'timeout': {
        // RFC 2349: seconds.
        if (value < 1 || value > 255) continue
        terms = { ...terms, timeoutMs: value * 1_000 }
        granted.set(name, String(value))
        break
      }
      case 'tsize': {
        // RFC 2349. For an empty file it is left out: curl takes a size of 0 for an error.
        if (byteCount > 0) granted.set(name, String(byteCount))
        break
      }
    }
  }
  return { terms, granted }
}

function decimal(text: string): number | undefined {
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined
}
