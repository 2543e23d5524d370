import type { KubeSecret } from './kube-client.ts'

/** What a node shows to its cluster once. Only `id` may be kept or told. */
export type BootstrapToken = { readonly id: string; readonly secret: string }

/** kubeadm waits for five minutes to find its cluster, and for as long to be given a certificate. */
export const tokenLifeMs = 15 * 60_000

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A token of chance, as kubeadm has them: 6 and 16 characters of 36, so 82 bits are secret. */
export function makeToken(chance: (count: number) => Uint8Array): BootstrapToken {
  return { id: word(chance, 6), secret: word(chance, 16) }
}

export function tokenText({ id, secret }: BootstrapToken): string {
  return `${id}.${secret}`
}

export function tokenSecretName(id: string): string {
  return `bootstrap-token-${id}`
}

export const tokenNamespace = 'kube-system'

/** The Secret by which a cluster knows the token, as kubeadm would make it, for one node. */
export function tokenSecret(
  { id, secret }: BootstrapToken,
  { node, machine, until }: { readonly node: string; readonly machine: string; readonly until: number },
): KubeSecret {
  return {
    namespace: tokenNamespace,
    name: tokenSecretName(id),
    type: 'bootstrap.kubernetes.io/token',
    labels: { 'ironwake/machine': machine },
    texts: {
      'token-id': id,
      'token-secret': secret,
      // RFC 3339 in whole seconds, as the token cleaner of the cluster reads it.
      expiration: new Date(until).toISOString().replace(/\.[0-9]{3}Z$/, 'Z'),
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      description: `for the node ${node}, by Ironwake`,
    },
  }
}

/** Bytes that would favour the first letters are drawn again. */
function word(chance: (count: number) => Uint8Array, length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of chance(length)) {
      if (byte < 252 && text.length < length) text += letters[byte % 36]
    }
  }
  return text
}
