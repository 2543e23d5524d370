import t from 'tap'
import { readClusterOrder, readEndpoint, type ClusterWish } from '../../server/clusters/cluster-order.ts'
import { kubernetesMinors, minorOf } from '../../server/clusters/kubernetes-versions.ts'
import { parseSubnet } from '../../server/wire/ipv4.ts'
import { ip } from '../networks/a-network.ts'
import { aKubeconfig } from './a-kubeconfig.ts'

const rack = { name: 'rack', subnet: parseSubnet('10.20.0.0/24')! }

t.test('an order is filled in with what kubeadm and flannel usually have', async (t) => {
  t.strictSame(readClusterOrder({ kind: 'managed', name: 'lab' }, [rack]), {
    kind: 'order',
    order: {
      kind: 'managed',
      name: 'lab',
      kubernetes: '1.36.5',
      endpoint: undefined,
      vip: undefined,
      podSubnet: '10.244.0.0/16',
      serviceSubnet: '10.96.0.0/12',
      dnsDomain: 'cluster.local',
      podNetwork: 'flannel',
    },
  })
})

t.test('the address of kube-vip is the endpoint where none is named', async (t) => {
  const order = { kind: 'managed', name: 'lab', vip: '10.20.0.5' } as const
  t.match(readClusterOrder(order, [rack]), { order: { vip: '10.20.0.5', endpoint: '10.20.0.5:6443' } })
  const named = { ...order, endpoint: 'k8s.lab.example:8443' }
  t.match(readClusterOrder(named, [rack]), { order: { endpoint: 'k8s.lab.example:8443' } })
})

t.test('a version is one of the matrix, in full or its newest patch', async (t) => {
  const version = (kubernetes: string) => readClusterOrder({ kind: 'managed', name: 'lab', kubernetes }, [])
  t.match(version('v1.35.2'), { order: { kubernetes: '1.35.2' } })
  t.match(version('1.35'), { order: { kubernetes: '1.35.8' } })
  t.match(version('1.34.7'), { order: { kubernetes: '1.34.7' } })
  t.match(version('1.34'), { because: /Name a version of Kubernetes 1\.34 in full/ })
  t.match(version('1.33.1'), { because: /1\.33 is not one .* there are 1\.34, 1\.35, 1\.36/ })
  t.match(version('1.37.0'), { because: /1\.37 is not one/ })
  for (const text of ['latest', '1', '1.36.5-1.1', '1.036.1', '1.36.5\n', '']) {
    t.match(version(text), { kind: 'refused', because: /Write it as 1\.36\.5/ }, text)
  }
  t.equal(minorOf('1.36.5')?.pauseImage, 'registry.k8s.io/pause:3.10.2')
  t.equal(minorOf('1.3.5'), undefined)
  t.ok(kubernetesMinors.every(({ newest, minor }) => newest?.startsWith(`${minor}.`) ?? true))
})

t.test('the address of kube-vip is of nobody else, and nobody is given it', async (t) => {
  const network = {
    ...rack,
    serverAddress: ip('10.20.0.1'),
    alsoOurs: [ip('10.20.0.3')],
    router: ip('10.20.0.254'),
    pool: { first: ip('10.20.0.100'), last: ip('10.20.0.199') },
    reservations: new Map([['52:54:00:12:34:56', { address: ip('10.20.0.10') }]]),
  }
  const why = (vip: string): string | undefined => {
    const read = readClusterOrder({ kind: 'managed', name: 'lab', vip }, [network])
    return read.kind === 'refused' ? read.because : undefined
  }
  for (const vip of ['10.20.0.1', '10.20.0.3']) t.match(why(vip), / is an address of this box\. Choose/)
  t.match(why('10.20.0.254'), /router of the network rack/)
  for (const vip of ['10.20.0.0', '10.20.0.255'])
    t.match(why(vip), /no address of a host: .* 10\.20\.0\.0\/24/)
  t.match(why('10.20.0.10'), /reserved for 52:54:00:12:34:56/)
  for (const vip of ['10.20.0.100', '10.20.0.199'])
    t.match(why(vip), /pool of the network rack, 10\.20\.0\.100-/)
  for (const vip of ['10.20.0.99', '10.20.0.200', '10.9.0.5', '10.21.0.255'])
    t.equal(why(vip), undefined, vip)
})

t.test('an order that cannot be is refused with the reason', async (t) => {
  const managed = { kind: 'managed', name: 'lab' } as const
  const refusals: readonly (readonly [order: ClusterWish, because: RegExp])[] = [
    [{ ...managed, name: 'Lab' }, /is not the name of a cluster/],
    [{ ...managed, name: '../lab' }, /is not the name of a cluster/],
    [{ ...managed, name: 'a'.repeat(64) }, /at most 63/],
    [{ ...managed, podSubnet: '10.244.0.0' }, /subnet of pods/],
    [{ ...managed, podSubnet: '10.244.1.0/16' }, /subnet of pods/],
    [{ ...managed, podSubnet: '10.244.0.0/24' }, /subnet of pods/],
    [{ ...managed, serviceSubnet: '10.0.0.0/8' }, /subnet of services/],
    [{ ...managed, podSubnet: '10.100.0.0/16' }, /overlap/],
    [{ ...managed, podSubnet: '10.16.0.0/12' }, /10\.16\.0\.0\/12 inside .* network rack, 10\.20\.0\.0\/24/],
    [{ ...managed, serviceSubnet: '10.20.0.0/16' }, /hide the network rack/],
    [{ ...managed, dnsDomain: 'cluster_local' }, /domain of a cluster/],
    [{ ...managed, vip: 'k8s' }, /is not an IPv4 address/],
    [{ ...managed, vip: '10.96.0.7' }, /lies inside of the cluster/],
    [{ ...managed, endpoint: 'https://k8s' }, /is not where a cluster is reached/],
    [{ ...managed, podNetwork: 'calico' }, /flannel and none/],
    [{ kind: 'external', name: 'prod', kubeconfig: 'x' }, /kubeconfig cannot be used/],
  ]
  for (const [order, because] of refusals) {
    t.match(readClusterOrder(order, [rack]), { kind: 'refused', because }, because.source)
  }
})

t.test('a kubeconfig makes an external cluster', async (t) => {
  const order = { kind: 'external', name: 'prod', kubeconfig: aKubeconfig(), context: 'box@prod' } as const
  const target = { server: 'https://10.1.0.10:6443', credential: { kind: 'token' } }
  t.match(readClusterOrder(order, []), { kind: 'order', order: { name: 'prod', target } })
})

t.test('an endpoint is a name or an address, with a port', async (t) => {
  t.equal(readEndpoint('k8s.example'), 'k8s.example:6443')
  t.equal(readEndpoint('10.0.0.1:443'), '10.0.0.1:443')
  for (const text of ['', ':6443', 'a:0', 'a:65536', 'a b', '10.0.0', 'a/b', '[::1]:6443', 'A']) {
    t.equal(readEndpoint(text), undefined, text)
  }
})
