import { type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { issueClientCertificate } from '../../server/clusters/issue-client-certificate.ts'
import { makeAuthorities } from '../../server/clusters/make-authorities.ts'
import { writeKubeconfig } from '../../server/clusters/write-kubeconfig.ts'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { serverCertificate } from '../clusters/server-certificate.ts'
import { putKubeadm, type KubernetesRelease } from '../fakes/kubernetes-packages.ts'

// Somebody else's cluster on the network of the rig: an API server that machines can join by kubeadm. It is the stand-in, or
// etcd, kube-apiserver and kube-controller-manager of a release.

const address = '10.78.0.6'
const startsWithinMs = 300_000
const standIn = fileURLToPath(new URL('../fakes/kube-apiserver.ts', import.meta.url))

export type ExternalCluster = AsyncDisposable & {
  /** The path of one for its administrators. */
  readonly kubeconfig: string
  readonly plugIn: (box: NetworkNamespace) => Promise<AsyncDisposable>
}

export async function externalCluster({ version, programs }: KubernetesRelease): Promise<ExternalCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cluster-'))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const { authorities, secrets } = await makeAuthorities(Date.now())
  const authority = { certificate: authorities.ca, privateKey: secrets.ca ?? '' }
  const names = [address, '127.0.0.1', '10.96.0.1'].map((value) => ({ type: 'ip', value }) as const)
  const served = await serverCertificate({ authority, commonName: 'kube-apiserver', names })
  const user = async (organization: string, commonName: string, server: string): Promise<string> => {
    const order = { organization, commonName, authority, at: Date.now(), lastsMs: 86_400_000 }
    const { certificate, privateKey } = await issueClientCertificate(order)
    return writeKubeconfig({
      cluster: 'prod',
      server,
      ca: authorities.ca,
      user: commonName,
      certificate,
      privateKey,
    })
  }
  const server = `https://${address}:6443`
  const kubeconfig = file('admin.conf', await user('system:masters', 'admin', server))
  const manager = file('manager.conf', await user('system:masters', 'system:kube-controller-manager', server))
  const config = file('kubeadm.yaml', configurationOf(version))
  const ca = file('ca.crt', authorities.ca)
  const signing = [
    `--cluster-signing-cert-file=${ca}`,
    `--cluster-signing-key-file=${file('ca.key', authority.privateKey)}`,
  ]
  const flags = [
    `--advertise-address=${address}`,
    '--secure-port=6443',
    '--authorization-mode=Node,RBAC',
    `--client-ca-file=${ca}`,
    '--enable-bootstrap-token-auth=true',
    `--tls-cert-file=${file('server.crt', served.certificate)}`,
    `--tls-private-key-file=${file('server.key', served.privateKey)}`,
    `--service-account-key-file=${file('sa.pub', authorities.serviceAccount)}`,
    `--service-account-signing-key-file=${file('sa.key', secrets['service-account'] ?? '')}`,
    '--service-cluster-ip-range=10.96.0.0/12',
  ]
  if (programs === undefined) putKubeadm(folder, version)
  const kubeadm = join(programs ?? folder, 'kubeadm')

  return {
    kubeconfig,
    async plugIn(box) {
      const host = await box.addNeighbour('lab')
      await host.run(['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0'])
      await host.run(['ip', 'link', 'set', 'lo', 'up'])
      const start = (words: readonly string[]): ChildProcess =>
        host.start(words, { stdio: ['ignore', 'ignore', 'inherit'] })
      if (programs === undefined) {
        const environment = [`KUBE_STAND_IN_VERSION=v${version}`, `PYTHONPATH=${folder}`]
        start(['env', ...environment, process.execPath, standIn, ...flags, ...signing])
      } else {
        start([join(programs, 'etcd'), `--data-dir=${join(folder, 'etcd')}`])
        start([
          join(programs, 'kube-apiserver'),
          '--etcd-servers=http://127.0.0.1:2379',
          '--service-account-issuer=https://kubernetes.default.svc',
          ...flags,
        ])
        start([
          join(programs, 'kube-controller-manager'),
          `--kubeconfig=${manager}`,
          '--controllers=*,bootstrapsigner,tokencleaner',
          ...signing,
        ])
      }
      await isReady(host, ca)
      const kubeadmSays = async (...words: readonly string[]) =>
        await host.run([
          'env',
          `PYTHONPATH=${folder}`,
          kubeadm,
          'init',
          'phase',
          ...words,
          '--config',
          config,
          '--kubeconfig',
          kubeconfig,
        ])
      await kubeadmSays('upload-config', 'all')
      await kubeadmSays('bootstrap-token', '--skip-token-print')
      // Its programs end with its namespace.
      return { [Symbol.asyncDispose]: async () => await host[Symbol.asyncDispose]() }
    },
    async [Symbol.asyncDispose]() {
      await Promise.resolve(rmSync(folder, { recursive: true, force: true }))
    },
  }
}

async function isReady(host: NetworkNamespace, ca: string): Promise<void> {
  const until = Date.now() + startsWithinMs
  const words = ['curl', '-fsS', '--max-time', '20', '--cacert', ca, `https://${address}:6443/readyz`]
  for (;;) {
    const answered = await host.run(words).then(
      () => true,
      () => false,
    )
    if (answered) return
    if (Date.now() > until) throw new Error('The API of the cluster does not come up.')
    await pause(200)
  }
}

/** As whoever made that cluster had it; the folder is that of its nodes (ClusterConfiguration is read by each that joins). */
function configurationOf(version: string): string {
  return `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: ${address}, bindPort: 6443}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v${version}
controlPlaneEndpoint: ${address}:6443
certificatesDir: /etc/kubernetes/pki
networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12, dnsDomain: cluster.local}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
`
}
