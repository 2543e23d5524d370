import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'

/** The public key of a machine's system. */
export type NodeKey = {
  readonly key: KeyObject
  /** SubjectPublicKeyInfo in base64. One key has one such text. */
  readonly text: string
}

/** An uncompressed point of P-256 with its algorithm (RFC 5480 §2) has 91 bytes. */
const keyShape = /^[A-Za-z0-9+/]{122}==$/
/** Two whole numbers of up to 33 bytes in a sequence (RFC 3279 §2.2.3), in base64. */
const signatureShape = /^[A-Za-z0-9+/]{8,96}={0,2}$/

/** Reads a public key of P-256; `undefined` for everything else, be it another curve or a point that is not on it. */
export function readNodeKey(text: string): NodeKey | undefined {
  if (!keyShape.test(text)) return undefined
  const der = Buffer.from(text, 'base64')
  const key = publicKeyIn(der)
  if (key?.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    return undefined
  // The same key written in another way would be another to those who compare texts.
  const isPlain = key.export({ format: 'der', type: 'spki' }).equals(der) && der.toString('base64') === text
  return isPlain ? { key, text } : undefined
}

function publicKeyIn(der: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    // OpenSSL has many words for what it cannot read, and here all of them mean the same.
    return undefined
  }
}

/** Whether whoever holds a key signed this text, by ECDSA with SHA-256, in base64. */
export function isSignedBy({ key }: NodeKey, text: string, signature: string): boolean {
  if (!signatureShape.test(signature)) return false
  return verify('sha256', Buffer.from(text), key, Buffer.from(signature, 'base64'))
}

/** How a key is shown: the first 16 hexadecimal digits of the SHA-256 of what it is made of. */
export function shortOf(text: string): string {
  return createHash('sha256').update(Buffer.from(text, 'base64')).digest('hex').slice(0, 16)
}
