import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { issueClientCertificate } from '../../server/clusters/issue-client-certificate.ts'
import type { MadeAuthorities } from '../../server/clusters/make-authorities.ts'
import type { KubeTarget } from '../../server/clusters/read-kubeconfig.ts'
import { freePort, ownAddress } from '../own-address.ts'
import type { AskedCluster } from './a-kube-server.ts'
import { serverCertificate } from './server-certificate.ts'

const startsWithinMs = 90_000

/** etcd and kube-apiserver of a folder, with the authorities that the box makes, until the test is over. */
export async function realKubeServer(t: Test, folder: string, made: MadeAuthorities): Promise<AskedCluster> {
  const place = mkdtempSync(join(tmpdir(), 'ironwake-kube-'))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  const { authorities, secrets } = made
  const authority = { certificate: authorities.ca, privateKey: secrets.ca ?? '' }
  const names = [{ type: 'ip', value: ownAddress }] as const
  const served = await serverCertificate({ authority, commonName: 'kube-apiserver', names })
  const admin = { organization: 'system:masters', commonName: 'kubernetes-super-admin' }
  const client = await issueClientCertificate({ ...admin, authority, at: Date.now(), lastsMs: 86_400_000 })
  const file = (name: string, text: string): string => {
    writeFileSync(join(place, name), text, { mode: 0o600 })
    return join(place, name)
  }
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
  const [etcdUrl, peerUrl] = [`http://${ownAddress}:${etcdPort}`, `http://${ownAddress}:${peerPort}`]
  start(t, join(folder, 'etcd'), [
    `--data-dir=${join(place, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ])
  const words = [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    `--bind-address=${ownAddress}`,
    '--service-cluster-ip-range=10.96.0.0/12',
    '--authorization-mode=RBAC',
    '--anonymous-auth=false',
    `--client-ca-file=${file('ca.crt', authorities.ca)}`,
    `--tls-cert-file=${file('server.crt', served.certificate)}`,
    `--tls-private-key-file=${file('server.key', served.privateKey)}`,
    `--service-account-key-file=${file('sa.pub', authorities.serviceAccount)}`,
    `--service-account-signing-key-file=${file('sa.key', secrets['service-account'] ?? '')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
  ]
  let child = start(t, join(folder, 'kube-apiserver'), words)
  const { certificate, privateKey } = client
  const target: KubeTarget = {
    server: `https://${ownAddress}:${port}`,
    ca: authorities.ca,
    tlsServerName: undefined,
    credential: { kind: 'certificate', certificate, privateKey },
  }
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; text: string }> =>
    await new Promise((resolve, reject) => {
      const options = { method, ca: authorities.ca, cert: certificate, key: privateKey }
      const headers = { 'content-type': 'application/json' }
      const asked = request(`${target.server}${path}`, { ...options, headers }, (response) => {
        response.toArray().then(
          (parts) =>
            resolve({
              status: response.statusCode ?? 0,
              text: Buffer.concat(parts as Buffer[]).toString(),
            }),
          reject,
        )
      })
      asked.once('error', reject)
      asked.end(body === undefined ? undefined : JSON.stringify(body))
    })
  const isUp = async (): Promise<void> => {
    const until = Date.now() + startsWithinMs
    for (;;) {
      const { status } = await ask('GET', '/readyz').catch(() => ({ status: 0 }))
      if (status === 200) return
      if (Date.now() > until || child.exitCode !== null) throw new Error('kube-apiserver does not come up.')
      await pause(500)
    }
  }
  await isUp()
  const makeNode: AskedCluster['makeNode'] = async (name, labels = {}) => {
    const { status, text } = await ask('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
    })
    if (status !== 201) throw new Error(text)
    return (JSON.parse(text) as { metadata: { uid: string } }).metadata.uid
  }
  // One that starts anew knows the changes since then and no others.
  const forget = async (): Promise<void> => {
    child.kill('SIGKILL')
    await once(child, 'close')
    child = start(t, join(folder, 'kube-apiserver'), words)
    await isUp()
  }
  return { target, authorities, makeNode, forget }
}

function start(t: Test, program: string, words: readonly string[]): ChildProcess {
  const child = spawn(program, words, { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('close', resolve))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return child
}
