/** That a machine is let go, as its record keeps it until it is. */
export type Release = {
  readonly since: number
  /** What becomes of it then: it may be installed again, or serves no more. */
  readonly next: 'approved' | 'retired'
  /** `force`: its pods, its cluster and its system are not waited for. */
  readonly mode: 'orderly' | 'force'
  /** How far it is: its pods leave; its system leaves; that has left, and its Node, of a control plane, is to be deleted. */
  readonly phase: 'pods' | 'system' | 'node'
  /** It was told to join, and until then kubeadm may be at work on it; absent, it is not. */
  readonly kubeadmUntil?: number
  /** Where its Node was; absent, it had none. */
  readonly node?: { readonly cluster: string; readonly name: string }
}
