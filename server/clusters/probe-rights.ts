import { KubeFault } from './kube-fault.ts'
import type { KubeAction, KubeClient } from './kube-client.ts'

export type ProbedRights =
  | { readonly kind: 'fit'; readonly version: string }
  /** It is the cluster that is meant, and who asks may not do what is needed there. */
  | { readonly kind: 'unfit'; readonly because: string }
  | { readonly kind: 'not-reached'; readonly because: string }

/** What joining machines, watching them and letting them go asks of a user. */
export const neededActions: readonly KubeAction[] = [
  ...['get', 'list', 'watch', 'patch', 'delete'].map((verb) => ({ verb, resource: 'nodes' })),
  ...['create', 'delete'].map((verb) => ({ verb, resource: 'secrets', namespace: 'kube-system' })),
  { verb: 'list', resource: 'pods' },
  { verb: 'create', resource: 'pods', subresource: 'eviction' },
]

/** Whether a user may do in a cluster what the box does there. The server itself is asked, and nothing is changed. */
export async function probeRights(client: KubeClient, over: AbortSignal): Promise<ProbedRights> {
  try {
    const version = await client.version(over)
    const missing: string[] = []
    for (const action of neededActions) if (!(await client.mayI(action, over))) missing.push(inWords(action))
    return missing.length === 0
      ? { kind: 'fit', version }
      : {
          kind: 'unfit',
          because: `its user may not ${missing.join(', nor ')}; docs/clusters.md has a role for it`,
        }
  } catch (error) {
    if (!(error instanceof KubeFault)) throw error
    switch (error.kind) {
      case 'unreachable':
      case 'busy':
      case 'stopped':
        return { kind: 'not-reached', because: error.message }
      case 'unauthorized':
        return { kind: 'unfit', because: `it does not know the user: ${error.message}` }
      case 'stranger':
      case 'forbidden':
      case 'not-found':
      case 'conflict':
      case 'gone':
      case 'refused':
      case 'malformed':
        return { kind: 'unfit', because: error.message }
    }
  }
}

function inWords({ verb, resource, subresource, namespace }: KubeAction): string {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`
  return `${verb} ${what}${namespace === undefined ? '' : ` in ${namespace}`}`
}
