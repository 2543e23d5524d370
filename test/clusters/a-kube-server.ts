import type { Test } from 'tap'
import type { KubeTarget } from '../../server/clusters/read-kubeconfig.ts'
import { kubeApiServer, type KubeServer, type KubeServerSettings } from '../fakes/kube-api-server.ts'
import { ca, caKey, client } from './a-kubeconfig.ts'
import { serverCertificate } from './server-certificate.ts'

const served = await serverCertificate({
  authority: { certificate: ca, privateKey: caKey },
  commonName: 'kube-apiserver',
  names: [
    { type: 'dns', value: 'kubernetes' },
    { type: 'ip', value: '127.0.0.1' },
  ],
})

export const tokens = new Map([
  ['admin-token', { name: 'admin', groups: ['system:masters'] }],
  ['reader-token', { name: 'reader', groups: ['readers'] }],
])

/** A stand-in for the API server of a cluster until the test is over, and how its administrator reaches it. */
export async function aKubeServer(
  t: Test,
  more: Partial<KubeServerSettings> = {},
  port = 0,
): Promise<{ readonly server: KubeServer; readonly target: KubeTarget }> {
  const server = await kubeApiServer({ ...served, clientCa: ca, tokens, ...more }, port)
  t.teardown(async () => await server[Symbol.asyncDispose]())
  const { certificate, privateKey } = client
  const target = {
    server: `https://127.0.0.1:${server.port}`,
    ca,
    tlsServerName: undefined,
    credential: { kind: 'certificate', certificate, privateKey },
  } as const
  return { server, target }
}
