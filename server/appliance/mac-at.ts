import type { LeaseView } from '../networks/lease.ts'
import type { Network } from '../networks/network.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'

/** The MAC of who holds an address on one of the networks; a declined one is in use by somebody unknown. */
export function macAt(leases: LeaseView, networks: readonly Network[], address: Ipv4): Mac | undefined {
  for (const network of networks) {
    const lease = leases.leaseAt(network.name, address)
    if (lease !== undefined && lease.state !== 'declined') return lease.mac
  }
  return undefined
}
