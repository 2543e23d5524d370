import { makeAuthorities } from '../../server/clusters/make-authorities.ts'
import { issueClientCertificate } from '../../server/clusters/issue-client-certificate.ts'

const at = Date.now()
/** Made once: four keys take half a second. */
export const made = await makeAuthorities(at)
export const ca = made.authorities.ca
export const caKey = made.secrets.ca ?? ''

export const client = await issueClientCertificate({
  authority: { certificate: ca, privateKey: caKey },
  organization: 'kubeadm:cluster-admins',
  commonName: 'kubernetes-admin',
  at,
  lastsMs: 365 * 86_400_000,
})

export const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** A kubeconfig as kubectl writes it; what is given replaces fields of its cluster and of its user. */
export function aKubeconfig(
  change: {
    readonly cluster?: Readonly<Record<string, unknown>>
    readonly user?: Readonly<Record<string, unknown>>
    readonly current?: string
  } = {},
): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    preferences: {},
    clusters: [
      { name: 'other', cluster: { server: 'https://10.0.0.99:6443' } },
      {
        name: 'prod',
        cluster: {
          server: 'https://10.1.0.10:6443',
          'certificate-authority-data': base64(ca),
          ...change.cluster,
        },
      },
    ],
    users: [
      { name: 'nobody', user: {} },
      { name: 'box', user: { token: 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln', ...change.user } },
    ],
    contexts: [
      { name: 'box@prod', context: { cluster: 'prod', user: 'box' } },
      { name: 'broken', context: { cluster: 'missing', user: 'box' } },
      { name: 'without', context: { cluster: 'prod', user: 'nobody' } },
    ],
    'current-context': change.current ?? 'box@prod',
  })
}
