import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import type { Cluster } from './cluster.ts'
import { whoHas, type BoxNetwork } from './why-not-vip.ts'

export type AddressTaken = {
  readonly cluster: string
  readonly address: Ipv4
  /** What it is on the networks of the box besides. */
  readonly because: string
}

/**
 * The addresses by which clusters that the box made are reached, as far as the networks of the box have come to give them to others.
 * That an endpoint is the address of somebody else than kube-vip is well: of a load balancer, or of a control plane for which it is reserved;
 * in a pool it may be given to anybody.
 */
export function addressesTaken(
  clusters: readonly Cluster[],
  networks: readonly BoxNetwork[],
): readonly AddressTaken[] {
  const pools = networks.map(({ name, subnet, pool, reservations = new Map() }) => ({
    name,
    subnet,
    pool,
    reserved: new Set([...reservations.values()].map(({ address }) => address)),
  }))
  return clusters.flatMap((cluster): readonly AddressTaken[] => {
    if (cluster.kind !== 'managed') return []
    const { name, vip, endpoint } = cluster
    const address = vip ?? parseIpv4(endpoint?.replace(/:[0-9]+$/, '') ?? '')
    if (address === undefined) return []
    const others = pools.filter(({ reserved }) => !reserved.has(address))
    const because = whoHas(address, vip === undefined ? others : networks)
    return because === undefined ? [] : [{ cluster: name, address, because }]
  })
}
