import { createPrivateKey } from 'node:crypto'
import { makeKeys, signingKey } from '../../server/clusters/key-pair.ts'
import { serialNumber } from '../../server/clusters/make-authorities.ts'
import { x509 } from '../../server/clusters/x509.ts'

/** A certificate for a server, as kubeadm makes those of etcd and of the API server on a node. */
export async function serverCertificate(order: {
  readonly authority: { readonly certificate: string; readonly privateKey: string }
  readonly commonName: string
  readonly names: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[]
}): Promise<{ readonly certificate: string; readonly privateKey: string }> {
  const lib = await x509()
  const { authority, commonName, names } = order
  const issuer = new lib.X509Certificate(authority.certificate)
  const keys = await makeKeys()
  const { KeyUsageFlags: usage, ExtendedKeyUsage: purpose } = lib
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [commonName] }],
    issuer: issuer.subjectName.toJSON(),
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 86_400_000),
    publicKey: keys.crypto.publicKey,
    signingKey: signingKey(createPrivateKey(authority.privateKey)),
    extensions: [
      new lib.KeyUsagesExtension(usage.digitalSignature | usage.keyEncipherment, true),
      new lib.ExtendedKeyUsageExtension([purpose.serverAuth, purpose.clientAuth]),
      new lib.SubjectAlternativeNameExtension([...names]),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, privateKey: keys.privateKey }
}
