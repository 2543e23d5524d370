import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import { writeYaml, type WrittenYaml } from './write-yaml.ts'

export type KubeVipFacts = {
  readonly address: Ipv4
  /** As `ghcr.io/kube-vip/kube-vip:v1.2.3`, or of a mirror. */
  readonly image: string
  /**
   * `init`: the control plane that `kubeadm init` starts. Until it has bound the administrators' group to the cluster only
   * super-admin.conf has rights (kube-vip issue 684); others have admin.conf.
   */
  readonly start: 'init' | 'join'
}

/** The image of the version that this pod is written for. */
export const kubeVipImage = 'ghcr.io/kube-vip/kube-vip:v1.2.3'

/** The static pod that moves an address between the control planes by ARP; it lies in place before kubeadm starts. */
export function kubeVipPod({ address, image, start }: KubeVipFacts): WrittenYaml {
  if (parseIpv4(address) === undefined) return refused('address: it is not an IPv4 address')
  if (!/^[a-z0-9][a-z0-9.:/_-]{0,200}[a-z0-9]$/.test(image))
    return refused('image: it is not the name of one')
  const config = start === 'init' ? '/etc/kubernetes/super-admin.conf' : '/etc/kubernetes/admin.conf'
  const values: Readonly<Record<string, string>> = {
    vip_arp: 'true',
    port: '6443',
    // The interface is that of the default route.
    vip_subnet: '32',
    dns_mode: 'first',
    cp_enable: 'true',
    cp_namespace: 'kube-system',
    vip_leaderelection: 'true',
    vip_leasename: 'plndr-cp-lock',
    vip_leaseduration: '5',
    vip_renewdeadline: '3',
    vip_retryperiod: '1',
    address,
  }
  const env = Object.entries(values).map(([name, value]) => ({ name, value }))
  const container = {
    name: 'kube-vip',
    image,
    imagePullPolicy: 'IfNotPresent',
    args: ['manager'],
    env: [...env, { name: 'vip_nodename', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] } },
    volumeMounts: [{ name: 'kubeconfig', mountPath: '/etc/kubernetes/admin.conf' }],
  }
  return writeYaml({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'kube-vip', namespace: 'kube-system' },
    spec: {
      hostNetwork: true,
      // The address is not up before this pod is, so it asks the API server beside it.
      hostAliases: [{ ip: '127.0.0.1', hostnames: ['kubernetes'] }],
      containers: [container],
      volumes: [{ name: 'kubeconfig', hostPath: { path: config } }],
    },
  })
}

function refused(because: string): WrittenYaml {
  return { kind: 'refused', because }
}
