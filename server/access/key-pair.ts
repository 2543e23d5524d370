import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'

/** A certificate and its private key, as they lie in one file. */
export type KeyPair = {
  readonly certificate: X509Certificate
  readonly key: KeyObject
  readonly certificatePem: string
  readonly keyPem: string
}

export type ReadKeyPair =
  { readonly kind: 'pair'; readonly pair: KeyPair } | { readonly kind: 'damaged'; readonly because: string }

/** Reads a private key and its certificate, and looks whether they belong together. */
export function readKeyPair(text: string): ReadKeyPair {
  const keyPem = block(text, 'PRIVATE KEY')
  const certificatePem = block(text, 'CERTIFICATE')
  if (keyPem === undefined) return { kind: 'damaged', because: 'it holds no private key' }
  if (certificatePem === undefined) return { kind: 'damaged', because: 'it holds no certificate' }
  try {
    const [certificate, key] = [new X509Certificate(certificatePem), createPrivateKey(keyPem)]
    if (!certificate.checkPrivateKey(key))
      return { kind: 'damaged', because: 'its key is not that of its certificate' }
    return { kind: 'pair', pair: { certificate, key, certificatePem, keyPem } }
  } catch {
    // What the parser says may quote what it could not read.
    return { kind: 'damaged', because: 'its key or its certificate cannot be read' }
  }
}

function block(text: string, label: string): string | undefined {
  const found = new RegExp(`-----BEGIN ${label}-----[A-Za-z0-9+/=\\s]+-----END ${label}-----`).exec(text)
  return found === null ? undefined : `${found[0]}\n`
}
