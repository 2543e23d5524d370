import { createPrivateKey } from 'node:crypto'
import { makeKeys, signingKey } from './key-pair.ts'
import { backdateMs, pemText, serialNumber } from './make-authorities.ts'
import { x509 } from './x509.ts'

export type ClientCertificateOrder = {
  /** The authority's certificate and private key, as PEM. */
  readonly authority: { readonly certificate: string; readonly privateKey: string }
  /** To Kubernetes the organization is a group, and the common name the user. */
  readonly organization: string
  readonly commonName: string
  readonly at: number
  readonly lastsMs: number
}

export type ClientCertificate = {
  readonly certificate: string
  readonly privateKey: string
  /** In hexadecimal, as `openssl x509 -serial` prints it. */
  readonly serial: string
  readonly notAfter: number
}

/** A certificate by which a client proves who it is, as kubeadm makes them for its kubeconfig files. */
export async function issueClientCertificate(order: ClientCertificateOrder): Promise<ClientCertificate> {
  const lib = await x509()
  const { authority, organization, commonName, at, lastsMs } = order
  const issuer = new lib.X509Certificate(authority.certificate)
  const keys = await makeKeys()
  const serial = serialNumber()
  const { KeyUsageFlags: usage } = lib
  // What outlives its authority would be worth nothing in the end.
  const notAfter = Math.min(at + lastsMs, issuer.notAfter.getTime())
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: [{ O: [organization] }, { CN: [commonName] }],
    issuer: issuer.subjectName.toJSON(),
    notBefore: new Date(at - backdateMs),
    notAfter: new Date(notAfter),
    publicKey: keys.crypto.publicKey,
    signingKey: signingKey(createPrivateKey(authority.privateKey)),
    extensions: [
      new lib.KeyUsagesExtension(usage.digitalSignature | usage.keyEncipherment, /* critical */ true),
      new lib.ExtendedKeyUsageExtension([lib.ExtendedKeyUsage.clientAuth]),
      new lib.BasicConstraintsExtension(/* ca */ false, undefined, /* critical */ true),
      await lib.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return {
    certificate: pemText(certificate.toString('pem')),
    privateKey: keys.privateKey,
    serial: serial.toUpperCase(),
    notAfter,
  }
}
