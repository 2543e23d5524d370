import type { Ipv4 } from '../wire/ipv4.ts'
import type { JoinRefusal } from './join-refusals.ts'
import type { NodeRole } from './join-wish.ts'

/** How far a machine is on its way into a cluster. */
export type Join = {
  readonly cluster: string
  readonly role: NodeRole
  /** The name of its Node. */
  readonly node: string
  readonly phase: JoinPhase
  /** Milliseconds since 1970-01-01 UTC. */
  readonly since: number
  /** What it waits for, or why it was refused. */
  readonly because?: string
  /** Why it does not fit; only while it is refused. */
  readonly refusal?: JoinRefusal
  /** What it was told to do, once it was. */
  readonly order?: JoinOrderKind
  /** Where it stood when it was given its order: its member of etcd is known by that; absent, it was given none, or long ago. */
  readonly address?: Ipv4
  /** Its Node was given its labels, taints and zone; what people change of them after that is theirs. */
  readonly isMarked?: true
  /** The bootstrap token that was made for it and may live still: its public half, and until when. */
  readonly token?: { readonly id: string; readonly until: number }
}

export type JoinOrderKind = 'init' | 'join-worker' | 'join-control-plane'

/**
 * `waits`: it was told to ask again. `refused`: it does not fit, and was told why. `ordered`: it was given what it needs, once.
 * `joined`: it says that it has joined. `node`: its Node was seen Ready.
 */
export type JoinPhase = 'waits' | 'refused' | 'ordered' | 'joined' | 'node'
