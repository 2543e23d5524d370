import { whyNotBootUrl } from '../config/boot-url.ts'
import type { EnrolmentParts } from './enrolment-parts.ts'
import { programPath, withPrograms, type VendorData } from './with-programs.ts'

/**
 * The vendor-data of a system in memory that is to write its machine's disk: what all systems in memory have in common, and
 * the program `cloud-init/disk/write-disk`, with the files it needs, run with the address at which this boot asks the box; beside
 * it, what it enrols by.
 */
export function diskWriterSeed({
  common,
  askBox,
  program,
  url,
  enrolment,
}: {
  readonly common: string
  readonly askBox: string
  readonly program: string
  readonly url: string
  /** Absent, the machine does not enrol. */
  readonly enrolment?: EnrolmentParts | undefined
}): VendorData {
  const because = whyNotBootUrl(url)
  if (because !== undefined) return { kind: 'refused', because: `url: ${because}` }
  if (enrolment?.kind === 'refused') return enrolment
  const programs = { 'ask-box': askBox, 'write-disk': program, ...enrolment?.programs }
  return withPrograms(common, programs, [programPath('write-disk'), url])
}
