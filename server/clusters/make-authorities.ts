import { randomBytes } from 'node:crypto'
import type { Authorities, SecretName } from './cluster.ts'
import { makeKeys } from './key-pair.ts'
import { x509 } from './x509.ts'

const dayMs = 86_400_000
/** kubeadm's `CACertificateValidityPeriod`. */
const authorityMs = 3_650 * dayMs
/** kubeadm's `CertificateBackdate`: the clock of a node may be a little behind. */
export const backdateMs = 5 * 60_000

export type MadeAuthorities = {
  readonly authorities: Authorities
  readonly secrets: { readonly [name in SecretName]?: string }
}

/** The authorities of a new cluster with their private keys, each as `kubeadm init` would make it. */
export async function makeAuthorities(at: number): Promise<MadeAuthorities> {
  const [ca, etcdCa, frontProxyCa, serviceAccount] = await Promise.all([
    // The names are those of kubeadm's certificates (cmd/kubeadm/app/phases/certs).
    makeAuthority('kubernetes', at),
    makeAuthority('etcd-ca', at),
    makeAuthority('front-proxy-ca', at),
    makeKeys(),
  ])
  return {
    authorities: {
      ca: ca.certificate,
      etcdCa: etcdCa.certificate,
      frontProxyCa: frontProxyCa.certificate,
      serviceAccount: serviceAccount.publicKey,
    },
    secrets: {
      ca: ca.privateKey,
      'etcd-ca': etcdCa.privateKey,
      'front-proxy-ca': frontProxyCa.privateKey,
      'service-account': serviceAccount.privateKey,
    },
  }
}

async function makeAuthority(
  commonName: string,
  at: number,
): Promise<{ readonly certificate: string; readonly privateKey: string }> {
  const lib = await x509()
  const keys = await makeKeys()
  const { KeyUsageFlags: usage } = lib
  const certificate = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    notBefore: new Date(at - backdateMs),
    notAfter: new Date(at + authorityMs),
    keys: keys.crypto,
    extensions: [
      new lib.KeyUsagesExtension(
        usage.digitalSignature | usage.keyEncipherment | usage.keyCertSign,
        /* critical */ true,
      ),
      new lib.BasicConstraintsExtension(/* ca */ true, undefined, /* critical */ true),
      await lib.SubjectKeyIdentifierExtension.create(keys.crypto.publicKey),
      new lib.SubjectAlternativeNameExtension([{ type: 'dns', value: commonName }]),
    ],
  })
  return { certificate: pemText(certificate.toString('pem')), privateKey: keys.privateKey }
}

/** Positive, and not zero, as RFC 5280 §4.1.2.2 asks. */
export function serialNumber(): string {
  const bytes = randomBytes(8)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

/** OpenSSL and Go end a PEM block with a line feed, and a file of several needs it. */
export function pemText(pem: string): string {
  return pem.endsWith('\n') ? pem : `${pem}\n`
}
