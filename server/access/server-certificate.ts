import { readKeyPair, type KeyPair } from './key-pair.ts'
import { makeAside } from './make-aside.ts'
import type { ServerNames } from './make-certificates.ts'
import { readSecret, replaceSecret } from './secret-file.ts'

/** In the folder of what the box is trusted by. */
export const serverCertificateName = 'server.pem'

/** With less time left than this a certificate is exchanged. */
const renewedBeforeMs = 90 * 86_400_000

export type ServerCertificate = {
  readonly pair: KeyPair
  /** Why it was made just now; absent, it is the one that was there. */
  readonly madeBecause?: string
}

/** The certificate of the listener in this file, or another where that one does not serve any longer. */
export async function serverCertificate(
  path: string,
  authority: KeyPair,
  wanted: ServerNames,
  now: number,
): Promise<ServerCertificate> {
  const text = await readSecret(path)
  const read = text === undefined ? undefined : readKeyPair(text)
  if (read?.kind === 'pair') {
    const because = whyNot(read.pair, authority, wanted, now)
    if (because === undefined) return { pair: read.pair }
    return { pair: await made(path, authority, wanted, now), madeBecause: because }
  }
  const because = read === undefined ? 'there was none' : `the one that was there is damaged: ${read.because}`
  return { pair: await made(path, authority, wanted, now), madeBecause: because }
}

/** Why a certificate has to be exchanged; `undefined` where it serves. One name too many is no reason. */
export function whyNot(
  { certificate }: KeyPair,
  authority: KeyPair,
  { addresses, names }: ServerNames,
  now: number,
): string | undefined {
  if (!certificate.checkIssued(authority.certificate) || !certificate.verify(authority.certificate.publicKey))
    return 'the one that was there is of another authority'
  if (now < Date.parse(certificate.validFrom)) return 'the one that was there begins later'
  if (now > Date.parse(certificate.validTo) - renewedBeforeMs)
    return `the one that was there ends on ${new Date(certificate.validTo).toISOString().slice(0, 10)}`
  const missing = [
    ...addresses.filter((address) => certificate.checkIP(address) === undefined),
    ...names.filter((name) => certificate.checkHost(name, { subject: 'never' }) === undefined),
  ]
  return missing.length === 0 ? undefined : `the one that was there is not for ${missing.join(', ')}`
}

async function made(path: string, authority: KeyPair, wanted: ServerNames, now: number): Promise<KeyPair> {
  const signer = `${authority.keyPem}${authority.certificatePem}`
  const text = await makeAside({ kind: 'server', authority: signer, wanted, now })
  await replaceSecret(path, text)
  const read = readKeyPair(text)
  if (read.kind === 'damaged') throw new Error(`a certificate was made that ${read.because}`)
  return read.pair
}
