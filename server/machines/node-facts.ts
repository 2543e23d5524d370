import type { Ipv4 } from '../wire/ipv4.ts'
import type { Uuid } from '../wire/uuid.ts'

/** What a system tells of itself that asks to become a node. */
export type NodeFacts = {
  /** Of its clock, in milliseconds since 1970-01-01 UTC. */
  readonly time: number
  readonly cgroup: 'v1' | 'v2'
  readonly swap: 'on' | 'off'
  /** As they say themselves; absent, they do not answer. */
  readonly containerd: string | undefined
  readonly kubeadm: string | undefined
  /** Of those asked for, the ones that the kernel has. */
  readonly modules: readonly string[]
  readonly memoryBytes: number
  /** Where images and pods will lie. */
  readonly diskFreeBytes: number
  readonly uuid: Uuid | undefined
  /** By which it reaches the box. */
  readonly address: Ipv4 | undefined
  /** Whether kubeadm has left something: of an order of this box that did not come to its end, or of something else. */
  readonly leftovers: 'none' | 'ours' | 'foreign'
}
