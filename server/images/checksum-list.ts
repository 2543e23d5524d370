import { parseSha256, type Sha256 } from '../wire/sha256.ts'
import { UpstreamFault } from './upstream-fault.ts'

/** A folder of a release has a few dozen. */
const mostLines = 10_000

/** The digests of a file `SHA256SUMS`, by the names of the files: `<64 digits> *<name>`, or two spaces between. */
export function readChecksums(text: string): ReadonlyMap<string, Sha256> {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length > mostLines)
    throw new UpstreamFault('too-large', `The list of checksums has more than ${mostLines} lines.`)
  const sums = new Map<string, Sha256>()
  for (const [index, line] of lines.entries()) {
    const [, digits = '', name = ''] = /^([0-9a-fA-F]{64}) [ *](.+?)\r?$/.exec(line) ?? []
    const sha256 = parseSha256(digits)
    if (sha256 === undefined)
      throw new UpstreamFault('malformed', `Line ${index + 1} of the list of checksums is none.`)
    if ((sums.get(name) ?? sha256) !== sha256)
      throw new UpstreamFault('malformed', `The list of checksums has two digests for one file.`)
    sums.set(name, sha256)
  }
  return sums
}
