import type { X509Certificate } from 'node:crypto'

/** The SHA-256 of a certificate, as it is shown: `sha256:` and 64 hexadecimal digits. */
export function fingerprintOf(certificate: X509Certificate): string {
  return `sha256:${certificate.fingerprint256.replaceAll(':', '').toLowerCase()}`
}

/** Reads a fingerprint as this program or `openssl x509 -fingerprint -sha256` shows it; `undefined` for anything else. */
export function parseFingerprint(text: string): string | undefined {
  const digits = text
    .trim()
    .replace(/^sha256(?: fingerprint)?[:=]/i, '')
    .replaceAll(':', '')
    .toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? `sha256:${digits}` : undefined
}
