import type { Ipv4 } from '../wire/ipv4.ts'

/** That a machine is let go, as its record keeps it until it is. */
export type Release = {
  readonly since: number
  /** What becomes of it then: it may be installed again, or serves no more. */
  readonly next: 'approved' | 'retired'
  /** `force`: its pods, its cluster and its system are not waited for. */
  readonly mode: 'orderly' | 'force'
  /**
   * How far it is: its pods leave; its system leaves; that has left, and its Node, of a control plane, is to be deleted; or nothing was heard of
   * that, and its member of etcd is to be taken out.
   */
  readonly phase: 'pods' | 'system' | 'node' | 'member'
  /** It was told to join, and until then kubeadm may be at work on it; absent, it is not. */
  readonly kubeadmUntil?: number
  /** Why its system counts as gone; only while its member of etcd is to be taken out. */
  readonly because?: string
  /** Where its Node was, and at which address, as far as that is known; absent, it had none. */
  readonly node?: { readonly cluster: string; readonly name: string; readonly address?: Ipv4 }
}
