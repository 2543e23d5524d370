import { fileTrouble } from '../wire/file-trouble.ts'
import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { KeyRing, keyLength } from './key-ring.ts'

/** Where the keys come from: this variable, where it is set; else the file. */
export const keyVariable = 'IRONWAKE_STORE_KEY'

export type FoundKeyRing =
  | { readonly kind: 'ring'; readonly ring: KeyRing }
  /** There is neither the variable nor the file. */
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly because: string }

/** The keys for the secrets of the store. `variable` is what `IRONWAKE_STORE_KEY` holds. */
export function findKeyRing(file: string, variable: string | undefined): FoundKeyRing {
  if (variable !== undefined && variable.trim() !== '') return ringOf(variable, keyVariable)
  let text: string
  try {
    text = readPrivate(file)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if ('code' in error && error.code === 'ENOENT') return { kind: 'none' }
    return { kind: 'refused', because: `the key file ${file} cannot be read: ${fileTrouble(error)}` }
  }
  return ringOf(text, `the key file ${file}`)
}

/** Makes the file with one new key, for this user alone, and never over one that is there. */
export function makeKeyFile(file: string): void {
  const opened = openSync(file, 'wx', 0o600)
  try {
    writeSync(opened, `${randomBytes(keyLength).toString('base64')}\n`)
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
  // What is sealed by it must not outlive it: the name of the file is on disk, too, before the first secret is.
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

const most = 16

/** One key on each line, the one that seals first, 32 bytes in base64. */
function ringOf(text: string, where: string): FoundKeyRing {
  const words = text.split(/[\s,]+/).filter((word) => word !== '')
  if (words.length > most) return { kind: 'refused', because: `${where} has more than ${most} keys` }
  const [first, ...rest] = words.map(keyOf)
  if (first === undefined || rest.includes(undefined)) {
    const because = `${where} does not hold keys of ${keyLength} bytes in base64, one on a line. Make one with: openssl rand -base64 ${keyLength}`
    return { kind: 'refused', because }
  }
  return { kind: 'ring', ring: new KeyRing([first, ...rest.filter((key) => key !== undefined)]) }
}

function keyOf(word: string): Uint8Array | undefined {
  const key = Buffer.from(word, 'base64')
  return key.length === keyLength && key.toString('base64') === word ? key : undefined
}

/** A key that others of this box may read protects nothing. */
function readPrivate(file: string): string {
  const opened = openSync(file, 'r')
  try {
    const { mode } = fstatSync(opened)
    if ((mode & 0o077) !== 0) throw new Error(`others may open it; run: chmod 600 ${file}`)
    return readFileSync(opened, 'utf8')
  } finally {
    closeSync(opened)
  }
}
