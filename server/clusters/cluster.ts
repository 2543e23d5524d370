import type { Ipv4 } from '../wire/ipv4.ts'

/** A cluster that machines can become nodes of. Nothing in it is secret. */
export type Cluster = ManagedCluster | ExternalCluster

/** The box makes its authorities; the first control plane is started with them. */
export type ManagedCluster = {
  readonly kind: 'managed'
  readonly name: string
  /** Milliseconds since 1970-01-01 UTC. */
  readonly createdAt: number
  /** As `1.36.5`. */
  readonly kubernetes: string
  /** `HOST:PORT` under which all control planes are reached; absent, that of the first control plane counts. */
  readonly endpoint: string | undefined
  /** The address that kube-vip moves between the control planes. */
  readonly vip: Ipv4 | undefined
  readonly podSubnet: string
  readonly serviceSubnet: string
  readonly dnsDomain: string
  /** What connects its pods; `none` leaves it to the operator. */
  readonly podNetwork: PodNetwork
  readonly authorities: Authorities
  /** Its first control plane; absent, none was told to be it. */
  readonly init?: ClusterInit
}

export type ClusterInit = {
  /** The identifier of the machine. */
  readonly machine: string
  /** `HOST:PORT` by which its API is reached where the cluster has no endpoint of its own. */
  readonly endpoint: string
  readonly since: number
  /** `claimed`: it was told to, and nobody else is. `done`: the cluster is there. */
  readonly phase: 'claimed' | 'done'
  /** The network for pods that was brought into it; absent, none was. */
  readonly podNetwork?: string
}

export type PodNetwork = 'flannel' | 'none'

/** The certificates, and the key of the service accounts, as PEM. */
export type Authorities = {
  readonly ca: string
  readonly etcdCa: string
  readonly frontProxyCa: string
  readonly serviceAccount: string
}

/** Somebody else's cluster, known by a kubeconfig. */
export type ExternalCluster = {
  readonly kind: 'external'
  readonly name: string
  readonly createdAt: number
  /** As its API said when it was added, `1.36.5`; absent, it was not reached. */
  readonly kubernetes?: string
  /** `https://HOST:PORT`, with a path where there is one. */
  readonly server: string
  /** Authorities that its certificate may come from, as PEM. */
  readonly ca: string
  /** The name that its certificate must have, where that is not the one in `server`. */
  readonly tlsServerName: string | undefined
  /** What the box shows there; the secret half is sealed. */
  readonly credential:
    { readonly kind: 'token' } | { readonly kind: 'certificate'; readonly certificate: string }
}

/** What is kept encrypted of a cluster. */
export type SecretName = 'ca' | 'etcd-ca' | 'front-proxy-ca' | 'service-account' | 'token' | 'client-key'

/** A cluster as it is stored; `sealed` has what a key ring made of its secrets. */
export type ClusterRecord = {
  readonly cluster: Cluster
  readonly sealed: { readonly [name in SecretName]?: string }
}
