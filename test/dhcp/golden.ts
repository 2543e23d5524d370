import { readdirSync, readFileSync } from 'node:fs'
import { decode } from '../../server/dhcp/decode.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'

const folder = new URL('../fixtures/dhcp/', import.meta.url)

/** Names of the golden packets, without `.hex`. */
export const goldenNames: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.hex'))
  .map((name) => name.slice(0, -'.hex'.length))
  .sort()

/** The bytes of a golden packet: pairs of digits, `00*16` for a pair that comes sixteen times, # to the line's end. */
export function goldenBytes(name: string): Buffer {
  const words = readFileSync(new URL(`${name}.hex`, folder), 'utf8')
    .replaceAll(/#.*/g, '')
    .split(/\s+/)
    .filter((word) => word !== '')
  return Buffer.concat(
    words.map((word) => {
      const [, pair, times = '1'] = /^([0-9a-f]{2})(?:\*([0-9]+))?$/.exec(word) ?? []
      if (pair === undefined) throw new Error(`${name}.hex has the word ${word}`)
      return Buffer.alloc(Number(times), Number.parseInt(pair, 16))
    }),
  )
}

export function golden(name: string): DhcpMessage {
  return messageOf(goldenBytes(name))
}

/** The message in bytes that are known to hold one. */
export function messageOf(bytes: Uint8Array): DhcpMessage {
  const decoded = decode(bytes)
  if (decoded.kind === 'malformed') throw new Error(decoded.because)
  return decoded.message
}

export function goldenText(name: string): { readonly url: URL; readonly text: string } {
  const url = new URL(`${name}.txt`, folder)
  try {
    return { url, text: readFileSync(url, 'utf8') }
  } catch {
    return { url, text: '' }
  }
}
