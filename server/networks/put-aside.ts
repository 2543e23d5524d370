import type { Lease } from './lease.ts'

/** How long an address rests that was found in use by somebody else. */
export const quarantineSeconds = 600

/** The record of an address that nobody gets for a while. */
export function putAside(lease: Lease, now: number): Lease {
  return { ...lease, state: 'declined', since: now, endsAt: now + quarantineSeconds * 1000 }
}
