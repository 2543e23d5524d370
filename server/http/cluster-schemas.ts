import { z } from 'zod'

// The clusters, as they go over the API. Nothing in a summary is secret: certificates, public keys, and what the nodes tell of themselves.

const time = z.int().meta({ description: 'Milliseconds since 1970-01-01 UTC.' })
const text = z.string()
const pem = z.string().meta({ description: 'Certificates or a public key, as PEM.' })

const managed = z.object({
  kind: z.literal('managed'),
  name: text,
  createdAt: time,
  kubernetes: text.meta({ description: 'Its version, as 1.36.5.' }),
  endpoint: text.optional().meta({
    description: 'HOST:PORT of all control planes; absent, that of the first one counts.',
  }),
  vip: text.optional().meta({ description: 'The address that kube-vip moves between the control planes.' }),
  podSubnet: text,
  serviceSubnet: text,
  dnsDomain: text,
  podNetwork: z.enum(['flannel', 'none']),
  authorities: z.object({ ca: pem, etcdCa: pem, frontProxyCa: pem, serviceAccount: pem }),
  init: z
    .object({
      machine: text,
      endpoint: text,
      since: time,
      phase: z.enum(['claimed', 'done']),
      podNetwork: text.optional(),
    })
    .optional()
    .meta({ description: 'Its first control plane; absent, no machine was told to be it.' }),
})

const external = z.object({
  kind: z.literal('external'),
  name: text,
  createdAt: time,
  kubernetes: text
    .optional()
    .meta({ description: 'As its API said when it was added; absent, it was not reached.' }),
  server: text,
  ca: pem,
  tlsServerName: text.optional(),
  credential: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('token') }),
    z.object({ kind: z.literal('certificate'), certificate: pem }),
  ]),
})

const node = z.object({
  name: text,
  uid: text,
  resourceVersion: text,
  labels: z.record(text, text),
  unschedulable: z.boolean(),
  providerId: text.optional(),
  taints: z.array(z.object({ key: text, value: text.optional(), effect: text })),
  systemUuid: text.optional(),
  kubeletVersion: text.optional(),
  addresses: z.array(z.object({ type: text, address: text })),
  ready: z.object({ status: z.enum(['True', 'False', 'Unknown', 'absent']), reason: text, message: text }),
  machine: text.optional().meta({ description: 'The machine that it is, by its identifier.' }),
})

const summary = z.object({
  cluster: z.discriminatedUnion('kind', [managed, external]),
  caCertHash: text.meta({
    description: 'By which nodes know its authority (discovery-token-ca-cert-hash).',
  }),
  caEndsAt: time,
  locked: text.optional().meta({ description: 'Why its secrets cannot be used; absent, they can.' }),
  nodes: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('heard'), nodes: z.array(node) }),
      z.object({ kind: z.literal('silent'), because: text }),
    ])
    .optional()
    .meta({ description: 'Its nodes, as its API tells them; absent in lists.' }),
})

/** Longer than anything that can be meant; what is meant is looked at by who knows clusters. */
const wish = z.string().max(256)

/** The most that a kubeconfig may be: a few certificates, and room to spare. */
export const mostKubeconfig = 1024 * 1024

const order = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('managed'),
    name: wish,
    kubernetes: wish
      .optional()
      .meta({ description: 'As 1.36.5, or 1.36 for its newest patch; the newest known when absent.' }),
    endpoint: wish.optional().meta({ description: 'HOST[:PORT] by which all control planes are reached.' }),
    vip: wish.optional().meta({ description: 'The address that kube-vip moves between the control planes.' }),
    podSubnet: wish.optional().meta({ description: '10.244.0.0/16 when absent.' }),
    serviceSubnet: wish.optional().meta({ description: '10.96.0.0/12 when absent.' }),
    dnsDomain: wish.optional().meta({ description: 'cluster.local when absent.' }),
    podNetwork: wish.optional().meta({ description: 'flannel, or none; flannel when absent.' }),
  }),
  z.strictObject({
    kind: z.literal('external'),
    name: wish,
    kubeconfig: z
      .string()
      .max(mostKubeconfig)
      .meta({ description: 'With everything in it: kubectl config view --raw --flatten --minify.' }),
    context: wish.optional().meta({ description: 'Its context, where that is not the current one.' }),
  }),
])

/** By the names that `openapi.json` has for them. */
export const clusterSchemas = {
  ClusterSummary: summary,
  ClusterSummaries: z.array(summary),
  ClusterOrder: order,
  MadeCluster: summary.extend({
    remarks: z.array(text).meta({ description: 'What could not be looked at.' }),
  }),
  KubeconfigOrder: z.strictObject({
    endpoint: wish.optional().meta({
      description: 'HOST[:PORT] in place of the endpoint of the cluster; needed where it has none.',
    }),
  }),
}
