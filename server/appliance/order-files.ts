import {
  controlPlaneJoinConfiguration,
  initConfiguration,
  joinConfiguration,
  type NodeFacts,
  type TaintEffect,
} from '../cloud-init/kubeadm-config.ts'
import { kubeVipImage, kubeVipPod } from '../cloud-init/kube-vip-pod.ts'
import type { WrittenYaml } from '../cloud-init/write-yaml.ts'
import { caCertHash } from '../clusters/ca-cert-hash.ts'
import type { Cluster, ManagedCluster } from '../clusters/cluster.ts'
import { controlPlaneLabel } from '../clusters/control-plane-label.ts'
import type { OrderFile } from './pack-order.ts'

/** The private keys of a cluster's authorities, as PEM. */
export type AuthorityKeys = {
  readonly ca: string
  readonly etcdCa: string
  readonly frontProxyCa: string
  readonly serviceAccount: string
}

export type OrderFiles =
  | { readonly kind: 'files'; readonly files: readonly OrderFile[] }
  | { readonly kind: 'refused'; readonly because: string }

/** What the first control plane is given. */
export function initOrder(
  cluster: ManagedCluster,
  endpoint: string,
  keys: AuthorityKeys,
  node: NodeFacts,
): OrderFiles {
  const { name: clusterName, kubernetes, podSubnet, serviceSubnet, dnsDomain, vip } = cluster
  const certSans = vip === undefined || endpoint.startsWith(`${vip}:`) ? [] : [vip]
  const facts = { clusterName, kubernetes, endpoint, podSubnet, serviceSubnet, dnsDomain, certSans }
  return files('init', initConfiguration(facts, node), [
    ...authorityFiles(cluster, keys),
    ...vipFiles(cluster, 'files', 'init'),
    // From then on the administrators' group has its rights, and super-admin.conf need not lie in a pod any more.
    ...vipFiles(cluster, 'after', 'join'),
  ])
}

/** What a worker of a cluster is given. */
export function workerOrder(cluster: Cluster, endpoint: string, token: string, node: NodeFacts): OrderFiles {
  return files('join-worker', joinConfiguration(joinFacts(cluster, endpoint, token), node), [])
}

/** What a further control plane is given. */
export function controlPlaneOrder(
  cluster: ManagedCluster,
  endpoint: string,
  token: string,
  keys: AuthorityKeys,
  node: NodeFacts,
): OrderFiles {
  return files(
    'join-control-plane',
    controlPlaneJoinConfiguration(joinFacts(cluster, endpoint, token), node),
    // kubeadm joins nobody whose folder of static pods is not empty.
    [...authorityFiles(cluster, keys), ...vipFiles(cluster, 'after', 'join')],
  )
}

/** Without a list of its own a control plane gets this one from kubeadm; with one it would have that alone. */
export const controlPlaneTaint = {
  key: controlPlaneLabel,
  effect: 'NoSchedule' as TaintEffect,
}

function joinFacts(cluster: Cluster, endpoint: string, token: string) {
  const ca = cluster.kind === 'managed' ? cluster.authorities.ca : cluster.ca
  return { endpoint, token, caCertHash: caCertHash(ca) }
}

type Part = OrderFile | { readonly refused: string }

function files(action: string, kubeadm: WrittenYaml, more: readonly Part[]): OrderFiles {
  if (kubeadm.kind === 'refused') return kubeadm
  const refused = more.find((part) => 'refused' in part)
  if (refused !== undefined) return { kind: 'refused', because: refused.refused }
  return {
    kind: 'files',
    files: [
      { path: 'action', mode: 0o600, text: `${action}\n` },
      { path: 'kubeadm.yaml', mode: 0o600, text: kubeadm.text },
      ...more.filter((part) => 'path' in part),
    ],
  }
}

/** Where kubeadm looks for them, and uses what it finds (kubeadm, phases/certs). */
function authorityFiles({ authorities }: ManagedCluster, keys: AuthorityKeys): readonly OrderFile[] {
  const { ca, etcdCa, frontProxyCa, serviceAccount } = authorities
  const pairs: readonly (readonly [string, string, string])[] = [
    ['ca.crt', ca, 'ca.key'],
    ['etcd/ca.crt', etcdCa, 'etcd/ca.key'],
    ['front-proxy-ca.crt', frontProxyCa, 'front-proxy-ca.key'],
    ['sa.pub', serviceAccount, 'sa.key'],
  ]
  const secrets = [keys.ca, keys.etcdCa, keys.frontProxyCa, keys.serviceAccount]
  return pairs.flatMap(([shown, text, secret], index) => [
    { path: `files/etc/kubernetes/pki/${shown}`, mode: 0o644, text },
    { path: `files/etc/kubernetes/pki/${secret}`, mode: 0o600, text: secrets[index] ?? '' },
  ])
}

function vipFiles(
  { vip }: ManagedCluster,
  folder: 'files' | 'after',
  start: 'init' | 'join',
): readonly Part[] {
  if (vip === undefined) return []
  const pod = kubeVipPod({ address: vip, image: kubeVipImage, start })
  if (pod.kind === 'refused') return [{ refused: pod.because }]
  return [{ path: `${folder}/etc/kubernetes/manifests/kube-vip.yaml`, mode: 0o600, text: pod.text }]
}
