import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { LeaseView } from './lease.ts'
import type { Network } from './network.ts'

/** How long it counts that nobody answered: who asks again, or asks next, need not wait once more. */
export const quietForSeconds = 30

/** Who had an address until so recently is most likely still there, and would be found to use its own address. */
export const recentlyOwnSeconds = 60

/** Whether somebody must be looked for at an address before this client is offered it (RFC 2131 §4.3.1). */
export function mustBeProbed(
  address: Ipv4,
  mac: Mac,
  network: Network,
  leases: LeaseView,
  now: number,
): boolean {
  if (network.probes !== true) return false
  const known = leases.leaseAt(network.name, address)
  const wasOwn = known?.state === 'leased' && known.mac === mac
  if (wasOwn && now < known.endsAt + recentlyOwnSeconds * 1000) return false
  const quietAt = leases.quietAt(network.name, address)
  // A clock that was set back makes what it noted before worthless.
  return quietAt === undefined || now < quietAt || now >= quietAt + quietForSeconds * 1000
}
