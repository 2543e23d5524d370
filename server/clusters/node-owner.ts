import { byteSwapped, namesOneMachine, parseUuid, type Uuid } from '../wire/uuid.ts'
import type { KubeNode } from './kube-node.ts'

/** How a Node is linked to the record of its machine: `spec.providerID`, which can be set once. */
export function providerIdOf(machine: string): string {
  return `${scheme}${machine}`
}

const scheme = 'ironwake://'

/** Whose a Node is, as far as the Node itself says. */
export type NodeOwner =
  | { readonly kind: 'machine'; readonly id: string }
  /** It was not joined by a box; the board says which it may be, in either order of the bytes. */
  | { readonly kind: 'board'; readonly uuids: readonly Uuid[] }
  | { readonly kind: 'unknown' }

export function ownerOf({ providerId, systemUuid }: Pick<KubeNode, 'providerId' | 'systemUuid'>): NodeOwner {
  if (providerId?.startsWith(scheme) === true) return { kind: 'machine', id: providerId.slice(scheme.length) }
  // Somebody else's: a cloud's, or another program's.
  if (providerId !== undefined) return { kind: 'unknown' }
  const uuid = parseUuid(systemUuid ?? '')
  if (uuid === undefined || !namesOneMachine(uuid)) return { kind: 'unknown' }
  return { kind: 'board', uuids: [uuid, byteSwapped(uuid)] }
}

/** Whether a Node is that of a machine. */
export function isNodeOf(
  node: Pick<KubeNode, 'providerId' | 'systemUuid'>,
  machine: { readonly id: string; readonly uuid: Uuid | undefined },
): boolean {
  const owner = ownerOf(node)
  switch (owner.kind) {
    case 'machine':
      return owner.id === machine.id
    case 'board':
      return machine.uuid !== undefined && owner.uuids.includes(machine.uuid)
    case 'unknown':
      return false
  }
}
