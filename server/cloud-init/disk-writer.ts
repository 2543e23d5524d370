import { whyNotBootUrl } from '../config/boot-url.ts'
import { programPath, withPrograms, type VendorData } from './with-programs.ts'

/**
 * The vendor-data of a system in memory that is to write its machine's disk: what all systems in memory have in common, and
 * the program `cloud-init/disk/write-disk`, with the file it needs, run with the address at which this boot asks the box.
 */
export function diskWriterSeed({
  common,
  askBox,
  program,
  url,
}: {
  readonly common: string
  readonly askBox: string
  readonly program: string
  readonly url: string
}): VendorData {
  const because = whyNotBootUrl(url)
  if (because !== undefined) return { kind: 'refused', because: `url: ${because}` }
  const programs = { 'ask-box': askBox, 'write-disk': program }
  return withPrograms(common, programs, [programPath('write-disk'), url])
}
