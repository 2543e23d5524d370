import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import type { KubeNode } from './kube-node.ts'

/** The address by which other nodes reach this one, as its kubelet tells it. */
export function nodeAddress({ addresses }: Pick<KubeNode, 'addresses'>): Ipv4 | undefined {
  for (const { type, address } of addresses) {
    const parsed = type === 'InternalIP' ? parseIpv4(address) : undefined
    if (parsed !== undefined) return parsed
  }
  return undefined
}
