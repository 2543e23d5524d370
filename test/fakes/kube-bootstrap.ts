import { createHmac, timingSafeEqual } from 'node:crypto'
import type { KubeUser } from './kube-api-server.ts'
import type { KubeObject, KubeObjects } from './kube-objects.ts'

// What an API server and its controllers do for machines that join: bootstrap tokens and what is signed by them, and what a
// machine may ask for with one and a node with its certificate.

export const workers = 'system:bootstrappers:kubeadm:default-node-token'
export const anybody: KubeUser = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

type Token = { readonly id: string; readonly secret: string; readonly data: ReadonlyMap<string, string> }

/** Tokens that are not over, as secrets of the type bootstrap.kubernetes.io/token have them. */
function tokensIn(secrets: KubeObjects, now: number): readonly Token[] {
  return secrets.all().flatMap((secret) => {
    if (secret['type'] !== 'bootstrap.kubernetes.io/token') return []
    const pairs = Object.entries((secret['data'] ?? {}) as Readonly<Record<string, string>>)
    const data = new Map(pairs.map(([key, value]) => [key, atob(value)]))
    const expiration = data.get('expiration')
    if (expiration !== undefined && !(Date.parse(expiration) > now)) return []
    const [id, own] = [data.get('token-id') ?? '', data.get('token-secret') ?? '']
    return secret.metadata.name === `bootstrap-token-${id}` && own.length === 16
      ? [{ id, secret: own, data }]
      : []
  })
}

/** Who shows a bootstrap token; `undefined` where there is no such token, or not for this. */
export function bootstrapUser(shown: string, secrets: KubeObjects, now: number): KubeUser | undefined {
  const [, id, secret = ''] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(shown) ?? []
  const token = tokensIn(secrets, now).find((one) => one.id === id)
  if (token === undefined || !timingSafeEqual(Buffer.from(token.secret), Buffer.from(secret)))
    return undefined
  if (token.data.get('usage-bootstrap-authentication') !== 'true') return undefined
  const more = token.data.get('auth-extra-groups')?.split(',') ?? []
  return { name: `system:bootstrap:${token.id}`, groups: ['system:bootstrappers', ...more] }
}

/** cluster-info with the signatures that the bootstrap signer keeps in it: a detached JWS for each token (RFC 7515). */
export function signedClusterInfo(info: KubeObject, secrets: KubeObjects, now: number): KubeObject {
  const data = info['data'] as Readonly<Record<string, string>>
  const payload = Buffer.from(data['kubeconfig'] ?? '').toString('base64url')
  const signatures = tokensIn(secrets, now)
    .filter((token) => token.data.get('usage-bootstrap-signing') === 'true')
    .map(({ id, secret }) => {
      const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url')
      const mac = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')
      return [`jws-kubeconfig-${id}`, `${header}..${mac}`]
    })
  return { ...info, data: { ...data, ...Object.fromEntries(signatures) } }
}

/** What a machine with a token, a node and anybody may do, by the roles that kubeadm makes and the Node authorizer. */
export function mayInJoining(user: KubeUser, verb: string, resource: string, name: string): boolean {
  const action = `${verb} ${resource}`
  if (user.groups.includes('system:unauthenticated'))
    return action === 'get configmaps' && name === 'cluster-info'
  const signing = ['create certificatesigningrequests', 'get certificatesigningrequests']
  if (user.groups.includes(workers)) {
    const isForAll = ['kubeadm-config', 'kubelet-config', 'cluster-info'].includes(name)
    return action === 'get configmaps' ? isForAll : [...signing, 'get nodes'].includes(action)
  }
  if (!user.groups.includes('system:nodes')) return false
  if (/^(?:get|create|patch) nodes(?:\/status)?$/.test(action)) return user.name === `system:node:${name}`
  // Of pods a kubelet makes those that mirror its static ones.
  return [...signing, 'list pods', 'create pods', 'get configmaps', 'patch pods/status'].includes(action)
}

const ownLabels =
  /^(?:kubernetes\.io\/(?:hostname|os|arch)|(?:.*\.)?(?:kubelet|node)\.kubernetes\.io\/.*|topology\.kubernetes\.io\/(?:zone|region)|node\.kubernetes\.io\/instance-type)$/

/** Labels that a kubelet may not give itself (the admission plugin NodeRestriction). */
export function forbiddenLabel(labels: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(labels).find((key) => {
    const [domain = ''] = key.includes('/') ? key.split('/') : []
    return /(?:^|\.)(?:kubernetes|k8s)\.io$/.test(domain) && !ownLabels.test(key)
  })
}

/** The pod that the DaemonSet controller keeps on a node. */
export function daemonPod(set: KubeObject, node: string) {
  const { name, namespace = 'default', uid } = set.metadata
  return {
    metadata: {
      name: `${name}-${node}`,
      namespace,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name, uid, controller: true }],
    },
    spec: { nodeName: node },
    status: { phase: 'Pending' },
  }
}
