import { AccessFault } from './access-fault.ts'
import { readKeyPair, type KeyPair } from './key-pair.ts'
import { makeAside } from './make-aside.ts'
import { readSecret, writeSecretOnce } from './secret-file.ts'

/** In the data folder: what the box is trusted by. */
export const accessFolder = 'access'
/** In that folder. */
export const authorityName = 'authority.pem'

/** The certificate authority in this file; `undefined` where none was made yet. A damaged one is a fault, and never replaced. */
export async function readAuthority(path: string): Promise<KeyPair | undefined> {
  const text = await readSecret(path)
  if (text === undefined) return undefined
  const read = readKeyPair(text)
  if (read.kind === 'damaged') throw damaged(path, read.because)
  const { certificate } = read.pair
  if (!certificate.ca || !certificate.verify(certificate.publicKey))
    throw damaged(path, 'it is no authority of its own')
  return read.pair
}

/** The certificate authority of the box: made at the first start, and the same ever after. */
export async function openAuthority(path: string, subject: string, now: number): Promise<KeyPair> {
  const found = await readAuthority(path)
  if (found !== undefined) return found
  await writeSecretOnce(path, await makeAside({ kind: 'authority', subject, now }))
  const made = await readAuthority(path)
  if (made === undefined) throw damaged(path, 'it is gone')
  return made
}

function damaged(path: string, because: string): AccessFault {
  return new AccessFault(
    `The certificate authority ${path} is damaged: ${because}. Put a backup in its place. Or move it aside: then the box makes ` +
      'another, and whoever trusted this one has to be told the new fingerprint.',
  )
}
