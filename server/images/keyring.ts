import { readKeys, type Key } from 'openpgp'
import { UpstreamFault } from './upstream-fault.ts'

/** The keys that may sign what an upstream offers. */
export type Keyring = {
  readonly keys: readonly Key[]
  /** For the reasons: the file it was read from. */
  readonly name: string
}

/** A keyring of a distribution has a dozen keys, and some kilobytes of signatures on each. */
export const longestKeyring = 1024 * 1024

/**
 * Reads a keyring, armored or not. Where `fingerprints` are given, only these keys of it count, and all of them must be
 * there: the keyring of an archive also holds keys that have nothing to do with images.
 */
export async function readKeyring(
  bytes: Uint8Array,
  name: string,
  fingerprints: readonly string[],
): Promise<Keyring> {
  const found = await keysIn(bytes, name)
  if (fingerprints.length === 0) {
    if (found.length === 0) throw new UpstreamFault('malformed', `The keyring ${name} holds no key.`)
    return { keys: found, name }
  }
  const keys = fingerprints.map((wanted) => {
    const key = found.find((candidate) => candidate.getFingerprint().toUpperCase() === wanted.toUpperCase())
    if (key === undefined)
      throw new UpstreamFault('malformed', `The keyring ${name} does not hold the key ${wanted}.`)
    return key
  })
  return { keys, name }
}

async function keysIn(bytes: Uint8Array, name: string): Promise<readonly Key[]> {
  const text = Buffer.from(bytes.subarray(0, 40)).toString('latin1')
  const isArmored = text.trimStart().startsWith('-----BEGIN PGP')
  try {
    return isArmored
      ? await armoredKeys(Buffer.from(bytes).toString('latin1'))
      : await readKeys({ binaryKeys: bytes })
  } catch (error) {
    throw new UpstreamFault('malformed', `The keyring ${name} cannot be read.`, { cause: error })
  }
}

/** Several keys written one after the other, each in an armor of its own, are one file to people. */
async function armoredKeys(text: string): Promise<readonly Key[]> {
  const blocks = text.match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g)
  const keys = (blocks ?? []).map(async (block) => await readKeys({ armoredKeys: block }))
  return (await Promise.all(keys)).flat()
}
