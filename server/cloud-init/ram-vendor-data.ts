import type { EnrolmentParts } from './enrolment-parts.ts'
import { vendorDataWith, type SeedParts } from './seed-parts.ts'
import { programPath, type VendorData } from './with-programs.ts'

/**
 * The vendor-data of a system in memory that is the node: what all have in common, how this one enrols, and what leads it into
 * its cluster after that. One that does not enrol is led nowhere: it has nothing to ask the box by.
 */
export function ramVendorData(
  common: string,
  enrolment: EnrolmentParts | undefined,
  node: readonly SeedParts[],
): VendorData {
  if (enrolment === undefined) return { kind: 'vendor-data', text: common }
  if (enrolment.kind === 'refused') return enrolment
  const { programs, command } = enrolment
  const files = Object.entries(programs).map(([name, content]) => ({
    path: programPath(name),
    permissions: '0700',
    content,
  }))
  return vendorDataWith(common, { kind: 'parts', files, commands: [['sh', ...command]] }, ...node)
}
