import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import type { ClusterFacts, JoinFacts, NodeFacts } from '../../server/cloud-init/kubeadm-config.ts'
import {
  nodeTemplateNames,
  type NodeSoftware,
  type NodeTemplates,
} from '../../server/cloud-init/node-cloud-config.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'

export const nodeTemplates = Object.fromEntries(
  nodeTemplateNames.map((name) => [
    name,
    readFileSync(new URL(`../../cloud-init/kubernetes/${name}`, import.meta.url), 'utf8'),
  ]),
) as NodeTemplates

export const cluster: ClusterFacts = {
  clusterName: 'lab',
  kubernetes: '1.36.5',
  endpoint: '10.20.0.5:6443',
  podSubnet: '10.244.0.0/16',
  serviceSubnet: '10.96.0.0/12',
  dnsDomain: 'cluster.local',
  certSans: ['10.20.0.5', 'k8s.lab.example'],
}

export const node: NodeFacts = {
  name: 'node-1',
  address: '10.20.0.11' as Ipv4,
  providerId: 'ironwake:///k3v7m2pq',
  labels: { 'topology.kubernetes.io/zone': 'rack-1', 'ironwake.example/rack': 'r1' },
  taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }],
}

export const join: JoinFacts = {
  endpoint: '10.20.0.5:6443',
  caCertHash: `sha256:${'0f'.repeat(32)}`,
  token: 'abcdef.0123456789abcdef',
}

export const software: NodeSoftware = {
  kubernetes: '1.36.5',
  containerdOldest: ['2.2.0', '2.3.0'],
  pauseImage: 'registry.k8s.io/pause:3.10.2',
  cgroupV1: 'refused',
  packages: 'https://pkgs.k8s.io/core:/stable:/v1.36/deb/',
  packagesKey: { kind: 'fingerprint', fingerprint: 'DE15B14486CD377B9E876E1A234654DA9A296436' },
}

const hostile = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    "x'; reboot; '",
    'x\nruncmd: [reboot]',
    '$(reboot)',
    '`reboot`',
    '"\n- a',
    '---\nkind: Pod',
    'a: b',
    '{{ x }}',
    '@PAUSE_IMAGE@',
    '$&',
    'yes',
    '1.36.5\n',
    '../../etc/passwd',
  ),
)

/** What a field is, or something that it must not be. */
const or = <T>(usual: T, good: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: good },
    hostile as fc.Arbitrary<T>,
  )

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
const octet = fc.integer({ min: 0, max: 255 })
const address = fc.tuple(octet, octet, octet, octet).map((four) => four.join('.') as Ipv4)
const version = fc.tuple(octet, octet, octet).map((three) => three.join('.'))

export const softwares: fc.Arbitrary<NodeSoftware> = fc.record({
  kubernetes: or(software.kubernetes, version),
  containerdOldest: fc.array(or('2.2.0', version), { minLength: 1, maxLength: 3 }),
  pauseImage: or(software.pauseImage, label),
  cgroupV1: fc.constantFrom('refused', 'not-recommended'),
  packages: or(
    software.packages,
    label.map((host) => `http://${host}.example:3142/k8s/`),
  ),
  packagesKey: fc.oneof(
    fc.constant(software.packagesKey),
    or(
      '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabcd\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n',
      label,
    ).map((armored) => ({ kind: 'key', armored }) as const),
  ),
})

export const nodes: fc.Arbitrary<NodeFacts> = fc.record({
  name: or(node.name, label),
  address: or(node.address, address),
  providerId: or(
    node.providerId,
    label.map((id) => `ironwake:///${id}`),
  ),
  labels: fc.dictionary(or('example.com/rack', label), or('r1', label), { maxKeys: 3 }),
  taints: fc.array(
    fc.record({
      key: or('dedicated', label),
      value: or('gpu', label),
      effect: fc.constant('NoSchedule' as const),
    }),
    { maxLength: 2 },
  ),
})

export const clusters: fc.Arbitrary<ClusterFacts> = fc.record({
  clusterName: or('lab', label),
  kubernetes: or('1.36.5', fc.constant('1.35.8')),
  endpoint: or(
    cluster.endpoint,
    label.map((host) => `${host}.example:6443`),
  ),
  podSubnet: or('10.244.0.0/16', fc.constant('10.0.0.0/8')),
  serviceSubnet: or('10.96.0.0/12', fc.constant('10.0.0.0/8')),
  dnsDomain: or('cluster.local', label),
  certSans: fc.array(or('k8s.lab', address as fc.Arbitrary<string>), { maxLength: 3 }),
})

export const joins: fc.Arbitrary<JoinFacts> = fc.record({
  endpoint: or(
    join.endpoint,
    label.map((host) => `${host}:6443`),
  ),
  caCertHash: or(join.caCertHash, label),
  token: or(join.token, fc.stringMatching(/^[a-z0-9]{6}\.[a-z0-9]{16}$/)),
})
