import * as fc from 'fast-check'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import {
  controlPlaneJoinConfiguration,
  initConfiguration,
  joinConfiguration,
} from '../../server/cloud-init/kubeadm-config.ts'
import { kubeVipImage, kubeVipPod } from '../../server/cloud-init/kube-vip-pod.ts'
import type { WrittenYaml } from '../../server/cloud-init/write-yaml.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import { cluster, clusters, join, joins, node, nodes } from './node-profiles.ts'

function read(written: WrittenYaml): readonly unknown[] {
  if (written.kind === 'refused') throw new Error(written.because)
  return parseAllDocuments(written.text, { version: '1.1' }).map((document) => document.toJS() as unknown)
}

const registration = {
  name: 'node-1',
  criSocket: 'unix:///run/containerd/containerd.sock',
  taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }],
  kubeletExtraArgs: [
    { name: 'node-ip', value: '10.20.0.11' },
    { name: 'provider-id', value: 'ironwake:///k3v7m2pq' },
    { name: 'node-labels', value: 'topology.kubernetes.io/zone=rack-1,ironwake.example/rack=r1' },
  ],
}
const apiVersion = 'kubeadm.k8s.io/v1beta4'
const localAPIEndpoint = { advertiseAddress: '10.20.0.11', bindPort: 6443 }

t.test('the first control plane is told of itself, its cluster and its kubelet', async (t) => {
  t.strictSame(read(initConfiguration(cluster, node)), [
    {
      apiVersion,
      kind: 'InitConfiguration',
      nodeRegistration: registration,
      localAPIEndpoint,
      bootstrapTokens: [{ description: 'not used', ttl: '1m0s' }],
      skipPhases: ['show-join-command'],
    },
    {
      apiVersion,
      kind: 'ClusterConfiguration',
      clusterName: 'lab',
      kubernetesVersion: 'v1.36.5',
      controlPlaneEndpoint: '10.20.0.5:6443',
      certificatesDir: '/etc/kubernetes/pki',
      networking: { podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/12', dnsDomain: 'cluster.local' },
      apiServer: { certSANs: ['10.20.0.5', 'k8s.lab.example'] },
    },
    {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      cgroupDriver: 'systemd',
      failSwapOn: true,
      rotateCertificates: true,
    },
  ])
})

t.test('who joins finds the cluster by the hash of its authority', async (t) => {
  const discovery = {
    bootstrapToken: { apiServerEndpoint: join.endpoint, token: join.token, caCertHashes: [join.caCertHash] },
    tlsBootstrapToken: join.token,
  }
  const worker = { apiVersion, kind: 'JoinConfiguration', discovery, nodeRegistration: registration }
  t.strictSame(read(joinConfiguration(join, node)), [worker])
  t.strictSame(read(controlPlaneJoinConfiguration(join, node)), [
    { ...worker, controlPlane: { localAPIEndpoint } },
  ])
})

t.test('a control plane keeps its taint where no other is named', async (t) => {
  const [init] = read(initConfiguration(cluster, { ...node, taints: [], labels: {} }))
  t.notMatch(init, { nodeRegistration: { taints: [] } })
  t.notMatch(JSON.stringify(init), /node-labels|"taints"/)
})

t.test('labels that would end a kubelet at its start are refused', async (t) => {
  for (const key of [
    'node-role.kubernetes.io/worker',
    'node-restriction.kubernetes.io/x',
    'k8s.io/x',
    'a.k8s.io/x',
  ]) {
    t.match(
      joinConfiguration(join, { ...node, labels: { [key]: '' } }),
      { because: /set through the API/ },
      key,
    )
  }
  for (const key of ['node.kubernetes.io/x', 'kubernetes.io/hostname', 'notkubernetes.io/x', 'rack']) {
    t.match(joinConfiguration(join, { ...node, labels: { [key]: '' } }), { kind: 'yaml' }, key)
  }
})

t.test('a token that is none is refused, and not repeated', async (t) => {
  const token = 'abcdef.0123456789abcdef0'
  const answer = joinConfiguration({ ...join, token }, node)
  t.strictSame(answer, { kind: 'refused', because: 'token: it has not the form of one' })
})

/** Read back, every field stands where it belongs, and nothing else is there. */
function kindsOf(written: WrittenYaml): readonly unknown[] {
  return read(written).map((document) => (document as { readonly kind: unknown }).kind)
}

t.test('no field breaks out of a configuration', async (t) => {
  let written = 0
  fc.assert(
    fc.property(clusters, nodes, joins, (facts, one, how) => {
      const init = initConfiguration(facts, one)
      if (init.kind === 'yaml') {
        written++
        t.strictSame(kindsOf(init), ['InitConfiguration', 'ClusterConfiguration', 'KubeletConfiguration'])
        const labels = Object.entries(one.labels).map(([key, value]) => `${key}=${value}`)
        const [document, about] = read(init)
        t.match(document, {
          nodeRegistration: { name: one.name, kubeletExtraArgs: { length: labels.length === 0 ? 2 : 3 } },
        })
        t.match(about, { clusterName: facts.clusterName, controlPlaneEndpoint: facts.endpoint })
      }
      const joining = joinConfiguration(how, one)
      if (joining.kind === 'yaml') {
        written++
        t.strictSame(kindsOf(joining), ['JoinConfiguration'])
        t.match(read(joining), [
          { discovery: { tlsBootstrapToken: how.token }, nodeRegistration: { name: one.name } },
        ])
      }
    }),
    { numRuns: 2_000 },
  )
  t.ok(written > 50, `${written} were written`)
})

t.test('kube-vip has the rights of the first minute on the first control plane alone', async (t) => {
  const address = '10.20.0.5' as Ipv4
  const pod = (start: 'init' | 'join') => read(kubeVipPod({ address, image: kubeVipImage, start }))
  t.match(pod('init'), [
    { kind: 'Pod', spec: { volumes: [{ hostPath: { path: '/etc/kubernetes/super-admin.conf' } }] } },
  ])
  t.match(pod('join'), [
    { kind: 'Pod', spec: { volumes: [{ hostPath: { path: '/etc/kubernetes/admin.conf' } }] } },
  ])
  const [{ spec }] = pod('init') as [{ spec: { containers: [{ env: { name: string; value: string }[] }] } }]
  t.ok(spec.containers[0].env.some(({ name, value }) => name === 'address' && value === '10.20.0.5'))
  t.match(kubeVipPod({ address, image: 'x"\n', start: 'init' }), { kind: 'refused' })
  t.match(kubeVipPod({ address: 'x' as Ipv4, image: kubeVipImage, start: 'init' }), { kind: 'refused' })
})
