import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../fixtures/tftp/', import.meta.url)

/** Names of the golden packets, without `.hex`. */
export const goldenNames: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.hex'))
  .map((name) => name.slice(0, -'.hex'.length))
  .sort()

/** The bytes of a golden packet: pairs of digits, # to the line's end. */
export function goldenBytes(name: string): Uint8Array {
  const digits = readFileSync(new URL(`${name}.hex`, folder), 'utf8')
    .replaceAll(/#.*/g, '')
    .replaceAll(/\s/g, '')
  if (!/^(?:[0-9a-f]{2})+$/.test(digits)) throw new Error(`${name}.hex holds something else than digits`)
  return Uint8Array.from(Buffer.from(digits, 'hex'))
}
