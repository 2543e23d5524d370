import { X509Certificate, createHash } from 'node:crypto'

/** What `kubeadm join` pins the authority of a cluster by: the SHA-256 of its SubjectPublicKeyInfo. */
export function caCertHash(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return `sha256:${createHash('sha256').update(key).digest('hex')}`
}
