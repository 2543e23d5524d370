import { isClusterName } from '../config/cluster-name.ts'
import { whyNotDomain, whyNotHostname } from '../config/hostname.ts'
import { whyNotLabelKey, whyNotLabelValue } from '../config/node-label.ts'
import { parseIpv4, parseSubnet, type Ipv4 } from '../wire/ipv4.ts'
import { writeYaml, type CloudValue, type WrittenYaml } from './write-yaml.ts'

/** What every node of a cluster is told of it. */
export type ClusterFacts = {
  readonly clusterName: string
  /** As `1.36.5`. */
  readonly kubernetes: string
  /** `HOST:PORT`. */
  readonly endpoint: string
  readonly podSubnet: string
  readonly serviceSubnet: string
  readonly dnsDomain: string
  /** More names and addresses of the API server. */
  readonly certSans: readonly string[]
}

/** A machine as its Node is to be. */
export type NodeFacts = {
  readonly name: string
  /** The address of it that other nodes reach. */
  readonly address: Ipv4
  /** What links the Node to the machine's record; it can be set once (`spec.providerID`). */
  readonly providerId: string
  /** Those a kubelet may set by itself; roles are set through the API (KEP 279). */
  readonly labels: Readonly<Record<string, string>>
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: TaintEffect }[]
}

export type TaintEffect = 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'

export type JoinFacts = {
  readonly endpoint: string
  /** `sha256:` and 64 hexadecimal digits. */
  readonly caCertHash: string
  readonly token: string
}

const apiVersion = 'kubeadm.k8s.io/v1beta4'
const criSocket = 'unix:///run/containerd/containerd.sock'
/** Where every node has its certificates. It is kept in the cluster, and every control plane that joins reads it. */
const certificatesDir = '/etc/kubernetes/pki'
const apiPort = 6_443

/** What `kubeadm init --config` reads on the first control plane. The authorities lie in place already. */
export function initConfiguration(cluster: ClusterFacts, node: NodeFacts): WrittenYaml {
  const because = whyNotCluster(cluster) ?? whyNotNode(node)
  if (because !== undefined) return { kind: 'refused', because }
  const { clusterName, kubernetes, endpoint, podSubnet, serviceSubnet, dnsDomain, certSans } = cluster
  return documents([
    {
      apiVersion,
      kind: 'InitConfiguration',
      nodeRegistration: registrationOf(node),
      localAPIEndpoint: { advertiseAddress: node.address, bindPort: apiPort },
      // Tokens are made for one machine each, when it asks. kubeadm makes one for a day where it is told of none, and prints it.
      bootstrapTokens: [{ description: 'not used', ttl: '1m0s' }],
      skipPhases: ['show-join-command'],
    },
    {
      apiVersion,
      kind: 'ClusterConfiguration',
      clusterName,
      kubernetesVersion: `v${kubernetes}`,
      controlPlaneEndpoint: endpoint,
      certificatesDir,
      networking: { podSubnet, serviceSubnet, dnsDomain },
      apiServer: certSans.length === 0 ? undefined : { certSANs: certSans },
    },
    kubeletConfiguration,
  ])
}

/** What `kubeadm join --config` reads on a worker. */
export function joinConfiguration(join: JoinFacts, node: NodeFacts): WrittenYaml {
  return joining(join, node, undefined)
}

/** What `kubeadm join --config` reads on a further control plane, where the authorities lie in place already. */
export function controlPlaneJoinConfiguration(join: JoinFacts, node: NodeFacts): WrittenYaml {
  return joining(join, node, { localAPIEndpoint: { advertiseAddress: node.address, bindPort: apiPort } })
}

function joining(join: JoinFacts, node: NodeFacts, controlPlane: CloudValue | undefined): WrittenYaml {
  const because = whyNotJoin(join) ?? whyNotNode(node)
  if (because !== undefined) return { kind: 'refused', because }
  const { endpoint, caCertHash, token } = join
  const bootstrapToken = { apiServerEndpoint: endpoint, token, caCertHashes: [caCertHash] }
  return documents([
    {
      apiVersion,
      kind: 'JoinConfiguration',
      discovery: { bootstrapToken, tlsBootstrapToken: token },
      nodeRegistration: registrationOf(node),
      controlPlane,
    },
  ])
}

const kubeletConfiguration: CloudValue = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  cgroupDriver: 'systemd',
  failSwapOn: true,
  rotateCertificates: true,
}

function registrationOf({ name, address, providerId, labels, taints }: NodeFacts): CloudValue {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return {
    name,
    criSocket,
    // An empty list would take the taint of a control plane away; without one kubeadm sets it.
    taints: taints.length === 0 ? undefined : taints,
    kubeletExtraArgs: [
      { name: 'node-ip', value: address },
      { name: 'provider-id', value: providerId },
      ...(pairs.length === 0 ? [] : [{ name: 'node-labels', value: pairs.join(',') }]),
    ],
  }
}

function documents(values: readonly CloudValue[]): WrittenYaml {
  const texts: string[] = []
  for (const value of values) {
    const written = writeYaml(value)
    if (written.kind === 'refused') return written
    texts.push(written.text)
  }
  return { kind: 'yaml', text: texts.join('---\n') }
}

function whyNotCluster(cluster: ClusterFacts): string | undefined {
  if (!isClusterName(cluster.clusterName)) return 'clusterName: it is not a name'
  if (!/^1\.[0-9]{1,3}\.[0-9]{1,3}$/.test(cluster.kubernetes)) return 'kubernetes: it is not a version'
  const endpoint = whyNotEndpoint(cluster.endpoint)
  if (endpoint !== undefined) return `endpoint: ${endpoint}`
  if (parseSubnet(cluster.podSubnet) === undefined) return 'podSubnet: it is not a subnet'
  if (parseSubnet(cluster.serviceSubnet) === undefined) return 'serviceSubnet: it is not a subnet'
  const domain = whyNotDomain(cluster.dnsDomain)
  if (domain !== undefined) return `dnsDomain: ${domain}`
  const wrong = cluster.certSans.findIndex((san) => !isHost(san))
  return wrong === -1 ? undefined : `certSans[${wrong}]: it is neither a name nor an address`
}

function whyNotNode(node: NodeFacts): string | undefined {
  const name = whyNotHostname(node.name)
  if (name !== undefined) return `name: ${name}`
  if (parseIpv4(node.address) === undefined) return 'address: it is not an IPv4 address'
  if (!/^[a-z][a-z0-9+.-]{0,31}:\/\/[A-Za-z0-9._/-]{1,255}$/.test(node.providerId)) {
    return 'providerId: it is not SCHEME://NAME'
  }
  for (const [key, value] of Object.entries(node.labels)) {
    const because = whyNotLabelKey(key) ?? whyNotLabelValue(value) ?? whyNotOwnLabel(key)
    if (because !== undefined) return `labels: ${because}`
  }
  for (const [index, { key, value = '', effect }] of node.taints.entries()) {
    const because = whyNotLabelKey(key) ?? whyNotLabelValue(value)
    if (because !== undefined) return `taints[${index}]: ${because}`
    if (!effects.has(effect)) return `taints[${index}]: there is no such effect`
  }
  return undefined
}

const effects: ReadonlySet<string> = new Set<TaintEffect>(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])

function whyNotJoin({ endpoint, caCertHash, token }: JoinFacts): string | undefined {
  const because = whyNotEndpoint(endpoint)
  if (because !== undefined) return `endpoint: ${because}`
  if (!/^sha256:[0-9a-f]{64}$/.test(caCertHash)) return 'caCertHash: it is not sha256: and 64 digits'
  // What it is must not be told: it may be a token with one letter too many.
  return /^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(token) ? undefined : 'token: it has not the form of one'
}

function whyNotEndpoint(text: string): string | undefined {
  const [, host = '', port = ''] = /^([^:]+):([1-9][0-9]{0,4})$/.exec(text) ?? []
  return isHost(host) && Number(port) <= 65_535 ? undefined : 'it is not HOST:PORT'
}

function isHost(text: string): boolean {
  return parseIpv4(text) !== undefined || (text !== '' && whyNotDomain(text) === undefined)
}

/** A kubelet that is told to set others ends at its start (kubelet: `--node-labels`). */
const allowedAnyway: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'node.kubernetes.io/instance-type',
])

function whyNotOwnLabel(key: string): string | undefined {
  const [domain = ''] = key.includes('/') ? key.split('/') : []
  const isTheirs = /(?:^|\.)(?:kubernetes|k8s)\.io$/.test(domain)
  const isOpen = /(?:^|\.)(?:kubelet|node)\.kubernetes\.io$/.test(domain)
  if (!isTheirs || isOpen || allowedAnyway.has(key)) return undefined
  return 'a kubelet may not give itself a label of kubernetes.io or k8s.io; it is set through the API'
}
