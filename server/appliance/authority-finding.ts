import { fileTrouble } from '../wire/file-trouble.ts'
import { join } from 'node:path'
import { accessFolder, authorityName, readAuthority } from '../access/authority.ts'
import { fingerprintOf } from '../access/fingerprint.ts'
import type { Finding } from './finding.ts'

/** How the certificate authority of the box stands. */
export async function authorityFinding(dataFolder: string): Promise<Finding> {
  const subject = 'certificate authority'
  try {
    const authority = await readAuthority(join(dataFolder, accessFolder, authorityName))
    if (authority === undefined)
      return { verdict: 'well', subject, fact: 'none yet; it is made at the first start' }
    return { verdict: 'well', subject, fact: fingerprintOf(authority.certificate) }
  } catch (error) {
    return { verdict: 'wrong', subject, fact: fileTrouble(error) }
  }
}
