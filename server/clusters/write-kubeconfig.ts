import { stringify } from 'yaml'

export type KubeconfigParts = {
  readonly cluster: string
  /** `https://HOST:PORT`. */
  readonly server: string
  readonly ca: string
  readonly user: string
  readonly certificate: string
  readonly privateKey: string
}

/** A kubeconfig of one cluster and one user, with everything in it: no path of this box stands in it. */
export function writeKubeconfig(parts: KubeconfigParts): string {
  const { cluster, server, ca, user, certificate, privateKey } = parts
  const context = `${user}@${cluster}`
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(ca) } }],
      users: [
        {
          name: user,
          user: {
            'client-certificate-data': base64(certificate),
            'client-key-data': base64(privateKey),
          },
        },
      ],
      contexts: [{ name: context, context: { cluster, user } }],
      'current-context': context,
    },
    // kubectl reads with a reader of YAML 1.1, to which a cluster named `no` were false.
    { version: '1.1', defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 },
  )
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
