import type { Test } from 'tap'
import { kubeClient, type KubeClient } from '../../server/clusters/kube-client.ts'
import type { Authorities } from '../../server/clusters/cluster.ts'
import type { KubeTarget } from '../../server/clusters/read-kubeconfig.ts'
import { kubeTransport } from '../../server/listen/kube-transport.ts'
import { kubeApiServer, type KubeServer, type KubeServerSettings } from '../fakes/kube-api-server.ts'
import { ownAddress } from '../own-address.ts'
import { ca, caKey, client, made } from './a-kubeconfig.ts'
import { realKubeServer } from './real-kube-server.ts'
import { serverCertificate } from './server-certificate.ts'

const served = await serverCertificate({
  authority: { certificate: ca, privateKey: caKey },
  commonName: 'kube-apiserver',
  names: [
    { type: 'dns', value: 'kubernetes' },
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: ownAddress },
  ],
})

export const tokens = new Map([
  ['admin-token', { name: 'admin', groups: ['system:masters'] }],
  ['reader-token', { name: 'reader', groups: ['readers'] }],
])

/**
 * A stand-in for the API server of a cluster until the test is over, and how its administrator reaches it. Where it is to come
 * back at its port, its host is the own address of the test.
 */
export async function aKubeServer(
  t: Test,
  more: Partial<KubeServerSettings> = {},
  port = 0,
): Promise<{ readonly server: KubeServer; readonly target: KubeTarget }> {
  const server = await kubeApiServer({ ...served, clientCa: ca, tokens, ...more }, port)
  t.teardown(async () => await server[Symbol.asyncDispose]())
  const { certificate, privateKey } = client
  const target = {
    server: `https://${more.host ?? '127.0.0.1'}:${server.port}`,
    ca,
    tlsServerName: undefined,
    credential: { kind: 'certificate', certificate, privateKey },
  } as const
  return { server, target }
}

/** A cluster that the tests of the client ask: the stand-in, or what `KUBE_BIN_DIR` names. */
export type AskedCluster = {
  readonly target: KubeTarget
  readonly authorities: Authorities
  /** Makes a Node, as a kubelet would, and gives its uid. */
  readonly makeNode: (name: string, labels?: Readonly<Record<string, string>>) => Promise<string>
  /** Has the server forget the states before the present one. */
  readonly forget: () => Promise<void>
}

export async function theKubeServer(t: Test): Promise<AskedCluster> {
  const folder = process.env['KUBE_BIN_DIR']
  if (folder !== undefined && folder !== '') return await realKubeServer(t, folder, made)
  const { server, target } = await aKubeServer(t, { historyLength: 2_000 })
  return {
    target,
    authorities: made.authorities,
    makeNode: async (name, labels = {}) =>
      await Promise.resolve(server.nodes.create(aNode(name, labels)).metadata.uid),
    forget: async () => await Promise.resolve(server.nodes.compact()),
  }
}

/** A Node that no kubelet has said anything of. */
export function aNode(name: string, labels: Readonly<Record<string, string>> = {}) {
  return { metadata: { name, labels } }
}

export function aClient(t: Test, target: KubeTarget): KubeClient {
  const transport = kubeTransport(target, 'ironwake/test')
  t.teardown(async () => await transport[Symbol.asyncDispose]())
  return kubeClient(transport)
}

/** Longer than any answer of these tests takes. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(30_000)
}
