// The library asks for this before it is loaded itself (tsyringe).
// oxlint-disable-next-line import/no-unassigned-import -- it changes Reflect, and exports nothing
import 'reflect-metadata'
import { randomBytes, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { KeyPair } from './key-pair.ts'

// Loaded only in the process that makes a certificate (decision 0027): 21 MB that a box at rest does without.

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 86_400_000
/** A machine whose clock is some days behind must find them valid already. */
const backdatedDays = 7
const authorityDays = 20 * 365
/** Clients of one vendor refuse server certificates of more than 825 days, and of more than 398 from public ones. */
export const serverDays = 365
/** A box without a battery for its clock may start in 1970: what it makes then would have ended when the clock is right. */
const earliest = Date.UTC(2026, 0, 1)

/** Makes a certificate authority of the box's own: the text of a file with its key and its certificate. */
export async function makeAuthority(subject: string, now: number): Promise<string> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // Two boxes of one name are told apart where both are trusted. A common name has 64 characters (RFC 5280, appendix A.1).
    name: [{ O: ['Ironwake'] }, { CN: [`${subject.slice(0, 50)} ${randomBytes(4).toString('hex')}`] }],
    ...validity(now, authorityDays),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return await textOf(keys.privateKey, certificate)
}

export type ServerNames = { readonly addresses: readonly string[]; readonly names: readonly string[] }

/** Makes a certificate for the listener of the API, signed by the box's authority: the text of a file with both. */
export async function makeServerCertificate(
  authority: KeyPair,
  { addresses, names }: ServerNames,
  now: number,
): Promise<string> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    new Uint8Array(authority.key.export({ type: 'pkcs8', format: 'der' })),
    algorithm,
    false,
    ['sign'],
  )
  const issuer = new x509.X509Certificate(authority.certificatePem)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ O: ['Ironwake'] }, { CN: [(names[0] ?? addresses[0] ?? 'box').slice(0, 64)] }],
    issuer: issuer.subjectName,
    ...validity(now, serverDays),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: 'dns' as const, value })),
        ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return await textOf(keys.privateKey, certificate)
}

function validity(now: number, days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const from = Math.max(now, earliest)
  return { notBefore: new Date(from - backdatedDays * dayMs), notAfter: new Date(from + days * dayMs) }
}

/** 127 random bits: positive, and never twice (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

async function textOf(key: CryptoKey, certificate: x509.X509Certificate): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64')
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${(der.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----\n`
  return `${keyPem}${new X509Certificate(Buffer.from(certificate.rawData)).toString()}`
}
