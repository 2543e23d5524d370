import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

/** A key pair of RSA with 2048 bits, kubeadm's default, in the form it writes: PKCS #1 and SPKI, as PEM. */
export type KeyPair = { readonly publicKey: string; readonly privateKey: string }

const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const

const generate = promisify(generateKeyPair)

export type Keys = KeyPair & { readonly crypto: CryptoKeyPair }

/** Makes a key pair; it is worked out on another thread. */
export async function makeKeys(): Promise<Keys> {
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: 2048 })
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    crypto: {
      publicKey: asWebKey(publicKey.toCryptoKey(algorithm, /* extractable */ true, ['verify'])),
      privateKey: signingKey(privateKey),
    },
  }
}

/** A private key, read so that it can sign certificates. */
export function signingKey(privateKey: KeyObject): CryptoKey {
  return asWebKey(privateKey.toCryptoKey(algorithm, /* extractable */ false, ['sign']))
}

/** Node.js and the web name one and the same thing in two declarations. */
function asWebKey(key: ReturnType<KeyObject['toCryptoKey']>): CryptoKey {
  return key as CryptoKey
}
