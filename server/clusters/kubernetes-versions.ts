/** What a minor version of Kubernetes asks of its nodes, as far as it is known to work. */
export type KubernetesMinor = {
  /** As `1.36`. */
  readonly minor: string
  /** The newest patch that was looked at; absent, a version has to be named in full. */
  readonly newest: string | undefined
  /** The oldest containerd of each of its lines that the makers of containerd recommend for it. */
  readonly containerd: readonly string[]
  readonly kubeadmApi: 'kubeadm.k8s.io/v1beta4'
  /** Of the image that keeps a pod's network, which containerd must be told. */
  readonly pauseImage: string
  /** Whether its kubelet starts on a system with the old cgroups. */
  readonly cgroupV1: 'refused' | 'not-recommended'
}

/**
 * The versions that clusters can be made of: containerd as its RELEASES.md recommends, kubeadm's API as its kubeadm reads
 * it, cgroups as its kubelet checks them (`failCgroupV1`, set by default from 1.35).
 */
export const kubernetesMinors: readonly KubernetesMinor[] = [
  {
    minor: '1.34',
    newest: undefined,
    containerd: ['2.0.6', '2.1.3'],
    kubeadmApi: 'kubeadm.k8s.io/v1beta4',
    pauseImage: 'registry.k8s.io/pause:3.10.1',
    cgroupV1: 'not-recommended',
  },
  {
    minor: '1.35',
    newest: '1.35.8',
    containerd: ['2.1.5', '2.2.0'],
    kubeadmApi: 'kubeadm.k8s.io/v1beta4',
    pauseImage: 'registry.k8s.io/pause:3.10.1',
    cgroupV1: 'refused',
  },
  {
    minor: '1.36',
    newest: '1.36.5',
    containerd: ['2.2.0', '2.3.0'],
    kubeadmApi: 'kubeadm.k8s.io/v1beta4',
    pauseImage: 'registry.k8s.io/pause:3.10.2',
    cgroupV1: 'refused',
  },
]

/** What a cluster gets whose version nobody named. */
export const usualKubernetes = '1.36'

export type ChosenKubernetes =
  | { readonly kind: 'version'; readonly version: string; readonly minor: KubernetesMinor }
  | { readonly kind: 'refused'; readonly because: string }

/** The version that a text means: `1.36.5`, `v1.36.5`, or `1.36` for the newest patch known of it. */
export function chooseKubernetes(text: string): ChosenKubernetes {
  const [, name = '', patch] =
    /^v?([1-9][0-9]{0,2}\.(?:0|[1-9][0-9]{0,2}))(?:\.(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? []
  const known = kubernetesMinors.map(({ minor }) => minor).join(', ')
  if (name === '') return refused(`${text.slice(0, 40)} is not a version of Kubernetes. Write it as 1.36.5.`)
  const minor = kubernetesMinors.find((one) => one.minor === name)
  if (minor === undefined) {
    return refused(`Kubernetes ${name} is not one that nodes can be made of here; there are ${known}.`)
  }
  const version = patch === undefined ? minor.newest : `${name}.${patch}`
  if (version === undefined) {
    return refused(
      `Name a version of Kubernetes ${name} in full, as ${name}.1: its newest is not known here.`,
    )
  }
  return { kind: 'version', version, minor }
}

/** What a cluster's version asks of its nodes; every version that was let in has an entry. */
export function minorOf(version: string): KubernetesMinor | undefined {
  return kubernetesMinors.find(({ minor }) => version.startsWith(`${minor}.`))
}

function refused(because: string): ChosenKubernetes {
  return { kind: 'refused', because }
}
