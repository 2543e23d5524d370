import { whyNotBootUrl } from '../config/boot-url.ts'
import { programPath } from './with-programs.ts'

/** What a system in memory is invited by to enrol. Whoever is on the wire can read it. */
export type SeedInvitation = {
  /** The API over HTTPS, as `https://10.0.0.1:8443`. */
  readonly api: string
  /** SHA-256 of the authority's certificate: 64 hexadecimal digits. */
  readonly fingerprint: string
  /** Absent, it was used or has expired, and the system is told so. */
  readonly nonce?: string
}

/** The files of `cloud-init/node` that a system enrols by. */
export type EnrolmentMaterial = { readonly functions: string; readonly inMemory: string }

export type EnrolmentParts =
  | {
      readonly kind: 'parts'
      /** Files beside the programs of a system in memory, by their names. */
      readonly programs: Readonly<Record<string, string>>
      /** What a system runs that is the node itself. */
      readonly command: readonly string[]
    }
  | { readonly kind: 'refused'; readonly because: string }

/** What the seed of a system in memory has more when it is to enrol; `boot` is the boot listener. */
export function enrolmentParts(
  { api, fingerprint, nonce }: SeedInvitation,
  material: EnrolmentMaterial,
  boot: string,
): EnrolmentParts {
  const because = whyNotBootUrl(api) ?? whyNotBootUrl(boot)
  if (because !== undefined || !api.startsWith('https://'))
    return refused(`api: ${because ?? 'it does not begin with https://'}`)
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) return refused('fingerprint: it is no SHA-256')
  if (nonce !== undefined && !/^[0-9a-f]{32}$/.test(nonce)) return refused('nonce: it is no nonce')
  const invitation = `API='${api}'\nFINGERPRINT='${fingerprint}'\nNONCE='${nonce ?? 'none'}'\n`
  const { functions, inMemory } = material
  return {
    kind: 'parts',
    programs: { enrolment: functions, invitation, 'enrol-in-memory': inMemory },
    command: [programPath('enrol-in-memory'), boot],
  }
}

function refused(because: string): EnrolmentParts {
  return { kind: 'refused', because }
}
