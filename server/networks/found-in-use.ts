import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { Lease, LeaseView } from './lease.ts'
import { putAside } from './put-aside.ts'

/** An address at which somebody must be looked for before it is offered, and the client for which it is held. */
export type AddressProbe = { readonly network: string; readonly address: Ipv4; readonly mac: Mac }

/**
 * What becomes of an address at which somebody answered to whom it was not given. One that was leased or put aside in the
 * meantime stays what it is.
 */
export function foundInUse(
  { network, address, mac }: AddressProbe,
  leases: LeaseView,
  now: number,
): readonly Lease[] {
  const known = leases.leaseAt(network, address)
  const isTaken = known?.state === 'leased' || known?.state === 'declined'
  if (isTaken && known.endsAt > now) return []
  const free: Lease = {
    network,
    address,
    mac,
    state: 'released',
    since: now,
    endsAt: now,
    hostname: undefined,
  }
  return [putAside(free, now)]
}
