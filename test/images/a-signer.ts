import {
  createCleartextMessage,
  createMessage,
  generateKey,
  readKeys,
  sign,
  type PartialConfig,
  type PrivateKey,
} from 'openpgp'
import { readKeyring, type Keyring } from '../../server/images/keyring.ts'

/** Somebody with a key of their own, made for this test. */
export type Signer = {
  readonly key: PrivateKey
  readonly fingerprint: string
  /** The public key as a file. */
  readonly keyringFile: Uint8Array
  readonly keyring: Keyring
  clearSign(text: string, at?: Date): Promise<string>
  detach(bytes: Uint8Array, at?: Date): Promise<Uint8Array>
}

export type SignerMake = {
  readonly rsaBits?: number
  readonly at?: Date
  readonly lifeSeconds?: number
  readonly config?: PartialConfig
}

export async function aSigner(name = 'images', make: SignerMake = {}): Promise<Signer> {
  const { rsaBits, at = new Date('2020-01-01T00:00:00Z'), lifeSeconds = 0, config = {} } = make
  const { privateKey: key } = await generateKey({
    ...(rsaBits === undefined ? { type: 'ecc' as const } : { type: 'rsa' as const, rsaBits }),
    userIDs: [{ name }],
    date: at,
    keyExpirationTime: lifeSeconds,
    format: 'object',
    config,
  })
  const keyringFile = key.toPublic().write()
  return {
    key,
    fingerprint: key.getFingerprint().toUpperCase(),
    keyringFile,
    keyring: await readKeyring(keyringFile, `${name}.gpg`, []),
    async clearSign(text, date = new Date()) {
      const message = await createCleartextMessage({ text })
      return await sign({ message, signingKeys: key, date, config })
    },
    async detach(bytes, date = new Date()) {
      const message = await createMessage({ binary: bytes })
      return await sign({ message, signingKeys: key, detached: true, date, format: 'binary', config })
    },
  }
}

/** The keys of several in one ring. */
export async function oneRing(...signers: readonly Signer[]): Promise<Keyring> {
  const keys = await Promise.all(
    signers.map(async ({ keyringFile }) => await readKeys({ binaryKeys: keyringFile })),
  )
  return { keys: keys.flat(), name: 'several.gpg' }
}
