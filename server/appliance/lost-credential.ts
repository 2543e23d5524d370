import type { Enrolment } from '../machines/enrolment.ts'
import type { Machine } from '../machines/machine.ts'

export type LostCredential = { readonly because: string; readonly nextStep: string }

/**
 * Why the system on the disk of a machine is not known any more: its credential was revoked, and a revoked one does not come back.
 * `undefined` where it is known, or where another is on its way: it is installed again, or was just invited.
 */
export function lostCredential(
  { id, state, install }: Machine,
  enrolment: Enrolment | undefined,
  now: number,
): LostCredential | undefined {
  const because = enrolment?.holder?.revoked
  if (because === undefined || state === 'retired' || state === 'releasing') return undefined
  const isOnDisk = install?.phase === 'written' || install?.phase === 'installed'
  if (!isOnDisk || install.again !== undefined) return undefined
  const [invitation] = enrolment?.invitations ?? []
  if (invitation?.usedBy === undefined && invitation !== undefined && now < invitation.until) return undefined
  const again = `ironwake machines reinstall ${id}`
  const nextStep =
    state === 'quarantined'
      ? `Find out which system is the machine; then: ironwake machines retry ${id} && ${again}`
      : `Only an install gives it another: ${again}`
  return { because, nextStep }
}
