import { isClusterName } from '../config/cluster-name.ts'
import { whyNotDomain } from '../config/hostname.ts'
import { contains, parseIpv4, parseSubnet, type Subnet } from '../wire/ipv4.ts'
import { printable } from '../wire/text.ts'
import type { ManagedCluster } from './cluster.ts'
import { chooseKubernetes, usualKubernetes } from './kubernetes-versions.ts'
import { readKubeconfig, type KubeTarget } from './read-kubeconfig.ts'
import { whyNotVip, type BoxNetwork } from './why-not-vip.ts'

/** What a person wants a new cluster to be, checked and filled in. */
export type ClusterOrder =
  | Omit<ManagedCluster, 'createdAt' | 'authorities'>
  | { readonly kind: 'external'; readonly name: string; readonly target: KubeTarget }

export type ReadOrder =
  | { readonly kind: 'order'; readonly order: ClusterOrder }
  | { readonly kind: 'refused'; readonly because: string }

/** What a person wants, in their own words. */
export type ClusterWish = ManagedWish | ExternalWish

export type ManagedWish = {
  readonly kind: 'managed'
  readonly name: string
  readonly kubernetes?: string | undefined
  readonly endpoint?: string | undefined
  readonly vip?: string | undefined
  readonly podSubnet?: string | undefined
  readonly serviceSubnet?: string | undefined
  readonly dnsDomain?: string | undefined
  readonly podNetwork?: string | undefined
}

export type ExternalWish = {
  readonly kind: 'external'
  readonly name: string
  readonly kubeconfig: string
  readonly context?: string | undefined
}

/** What is asked for, or why that cannot be. */
export function readClusterOrder(wish: ClusterWish, networks: readonly BoxNetwork[]): ReadOrder {
  const wrongName = whyNotClusterName(wish.name)
  if (wrongName !== undefined) return refused(wrongName)
  if (wish.kind === 'managed') return readManaged(wish, networks)
  const found = readKubeconfig(wish.kubeconfig, wish.context)
  return found.kind === 'refused'
    ? refused(`This kubeconfig cannot be used: ${found.because}.`)
    : { kind: 'order', order: { kind: 'external', name: wish.name, target: found.target } }
}

function whyNotClusterName(name: string): string | undefined {
  if (isClusterName(name)) return undefined
  return `${printable(name, 40)} is not the name of a cluster: use a-z, 0-9 and hyphens, beginning with a letter, at most 63.`
}

/** Those of kubeadm (networking) and of flannel's manifest. */
const usual = { podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/12', dnsDomain: 'cluster.local' }

function readManaged(wish: ManagedWish, networks: readonly BoxNetwork[]): ReadOrder {
  const chosen = chooseKubernetes(wish.kubernetes ?? usualKubernetes)
  if (chosen.kind === 'refused') return chosen
  const {
    podSubnet = usual.podSubnet,
    serviceSubnet = usual.serviceSubnet,
    dnsDomain = usual.dnsDomain,
  } = wish
  const pods = parseSubnet(podSubnet)
  const services = parseSubnet(serviceSubnet)
  // Each node is given a /24 of it; and the API server takes no more than 20 bits for services.
  if (pods === undefined || !isWritten(podSubnet, pods) || pods.prefixLength < 8 || pods.prefixLength > 23) {
    return refused(
      `${printable(podSubnet, 40)} cannot be the subnet of pods: write it as 10.244.0.0/16, of /8 to /23.`,
    )
  }
  if (
    services === undefined ||
    !isWritten(serviceSubnet, services) ||
    services.prefixLength < 12 ||
    services.prefixLength > 24
  ) {
    return refused(
      `${printable(serviceSubnet, 40)} cannot be the subnet of services: write it as 10.96.0.0/12, of /12 to /24.`,
    )
  }
  if (overlap(pods, services))
    return refused(`The subnets of pods and of services, ${podSubnet} and ${serviceSubnet}, overlap.`)
  for (const { name, subnet } of networks) {
    const inside = overlap(pods, subnet) ? podSubnet : overlap(services, subnet) ? serviceSubnet : undefined
    if (inside === undefined) continue
    const here = `${subnet.network}/${subnet.prefixLength}`
    return refused(
      `${inside} inside of the cluster would hide the network ${name}, ${here}, from its nodes. Choose others with --pod-subnet and --service-subnet.`,
    )
  }
  const wrongDomain = whyNotDomain(dnsDomain)
  if (wrongDomain !== undefined)
    return refused(`${printable(dnsDomain, 40)} cannot be the domain of a cluster: ${wrongDomain}.`)
  const vip = wish.vip === undefined ? undefined : parseIpv4(wish.vip)
  if (wish.vip !== undefined && vip === undefined)
    return refused(`${printable(wish.vip, 40)} is not an IPv4 address.`)
  if (vip !== undefined && (contains(pods, vip) || contains(services, vip))) {
    return refused(
      `${vip} lies inside of the cluster; the address of its control planes must be one of the network they stand in.`,
    )
  }
  const notFree = vip === undefined ? undefined : whyNotVip(vip, networks)
  if (notFree !== undefined) return refused(notFree)
  const endpoint =
    wish.endpoint === undefined
      ? vip === undefined
        ? undefined
        : `${vip}:6443`
      : readEndpoint(wish.endpoint)
  if (wish.endpoint !== undefined && endpoint === undefined) {
    return refused(
      `${printable(wish.endpoint, 60)} is not where a cluster is reached: write a name or an IPv4 address, and a port where it is not 6443.`,
    )
  }
  const { podNetwork = 'flannel' } = wish
  if (podNetwork !== 'flannel' && podNetwork !== 'none') {
    return refused(
      `${printable(podNetwork, 40)} is not a network for pods that is known here: there are flannel and none.`,
    )
  }
  const { name } = wish
  const common = { kind: 'managed', name, kubernetes: chosen.version, endpoint, vip } as const
  return { kind: 'order', order: { ...common, podSubnet, serviceSubnet, dnsDomain, podNetwork } }
}

/** `HOST:PORT`, as kubeadm's `controlPlaneEndpoint` has it; 6443 where no port is named. */
export function readEndpoint(text: string): string | undefined {
  const [, host = '', port = '6443'] = /^([^:]{1,253})(?::([1-9][0-9]{0,4}))?$/.exec(text) ?? []
  if (host === '' || Number(port) > 65_535) return undefined
  return parseIpv4(host) !== undefined || whyNotDomain(host) === undefined ? `${host}:${port}` : undefined
}

/** Without host bits, which kubeadm refuses. */
function isWritten(text: string, subnet: Subnet): boolean {
  return text === `${subnet.network}/${subnet.prefixLength}`
}

function overlap(one: Subnet, other: Subnet): boolean {
  return contains(one, other.network) || contains(other, one.network)
}

function refused(because: string): { readonly kind: 'refused'; readonly because: string } {
  return { kind: 'refused', because }
}
