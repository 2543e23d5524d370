import type { JoinRefusal } from '../machines/join-refusals.ts'
import type { NodeRole } from '../machines/join-wish.ts'
import type { NodeFacts } from '../machines/node-facts.ts'
import type { KubernetesMinor } from './kubernetes-versions.ts'

export type Unfit = { readonly refusal: JoinRefusal; readonly because: string }

/** Certificates begin five minutes before they are made, and tokens live for minutes. */
export const clockToleranceMs = 60_000

/** What the network of pods needs of the kernel. */
export const neededModules: readonly string[] = ['overlay', 'br_netfilter']

const mib = 1024 * 1024
/** kubeadm's `ControlPlaneMem`; for workers it asks nothing, but a kubelet and containerd alone take half of this. */
const leastMemory: { readonly [role in NodeRole]: number } = {
  'control-plane': 1_700 * mib,
  worker: 700 * mib,
}
/** The images of the control plane and what etcd writes in its first days; those of a network for pods. */
const leastRoom: { readonly [role in NodeRole]: number } = {
  'control-plane': 2_048 * mib,
  worker: 1_024 * mib,
}

/**
 * What keeps a system from becoming a node as what it is to be; the first thing that does. `kubernetes`: the version of the
 * cluster and what it asks for, where that is known.
 */
export function whyUnfit(
  facts: NodeFacts,
  role: NodeRole,
  kubernetes: { readonly version: string; readonly minor: KubernetesMinor | undefined } | undefined,
  now: number,
): Unfit | undefined {
  const off = facts.time - now
  if (Math.abs(off) > clockToleranceMs) {
    return unfit(
      'clock-off',
      `its clock is ${inWords(Math.abs(off))} ${off > 0 ? 'ahead of' : 'behind'} that of the box`,
    )
  }
  const minor = kubernetes?.minor
  if (facts.cgroup === 'v1' && minor?.cgroupV1 !== 'not-recommended') {
    const kubelet = kubernetes === undefined ? 'of today' : `of ${kubernetes.version}`
    return unfit(
      'old-cgroups',
      `its system has cgroups of version 1, with which the kubelet ${kubelet} does not start`,
    )
  }
  if (facts.swap === 'on') return unfit('swap-on', 'its system has swap on')
  const missing = neededModules.filter((name) => !facts.modules.includes(name))
  if (missing.length > 0)
    return unfit('modules-missing', `its kernel has not loaded ${missing.join(' and ')}`)
  if (facts.containerd === undefined) return unfit('containerd-unfit', 'its containerd does not answer')
  if (minor !== undefined && !fits(facts.containerd, minor.containerd)) {
    const wanted = minor.containerd.join(', or ')
    return unfit(
      'containerd-unfit',
      `its containerd is ${facts.containerd}; Kubernetes ${minor.minor} wants ${wanted} or newer`,
    )
  }
  if (facts.kubeadm === undefined) return unfit('kubeadm-unfit', 'it has no kubeadm that says its version')
  if (kubernetes !== undefined && facts.kubeadm !== kubernetes.version) {
    return unfit(
      'kubeadm-unfit',
      `its kubeadm is ${facts.kubeadm}, and its cluster has Kubernetes ${kubernetes.version}`,
    )
  }
  if (facts.memoryBytes < leastMemory[role])
    return tooSmall('memory', facts.memoryBytes, leastMemory[role], role)
  if (facts.diskFreeBytes < leastRoom[role])
    return tooSmall('room on its disk', facts.diskFreeBytes, leastRoom[role], role)
  if (facts.address === undefined) return unfit('no-address', 'it does not name an IPv4 address of its own')
  return undefined
}

/** As `cloud-init/kubernetes/containerd-fits`: at least the oldest of its line, or newer than every line that is named. */
function fits(have: string, oldest: readonly string[]): boolean {
  const line = (version: string): string => version.slice(0, version.lastIndexOf('.'))
  const ofLine = oldest.find((one) => line(one) === line(have))
  if (ofLine !== undefined) return compare(have, ofLine) >= 0
  return oldest.every((one) => compare(have, one) > 0)
}

function compare(one: string, other: string): number {
  const [left, right] = [one, other].map((version) => version.split('.').map(Number))
  const at = left?.findIndex((part, index) => part !== right?.[index]) ?? -1
  return at === -1 ? 0 : (left?.[at] ?? 0) - (right?.[at] ?? 0)
}

function tooSmall(what: string, has: number, wants: number, role: NodeRole): Unfit {
  const as = role === 'control-plane' ? 'a control plane' : 'a worker'
  return unfit(
    'too-small',
    `it has ${Math.floor(has / mib)} MiB of ${what}, and ${as} needs ${Math.floor(wants / mib)}`,
  )
}

function inWords(ms: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const
  const [unit, length] = units.find(([, size]) => ms >= size) ?? ['second', 1_000]
  const count = Math.floor(ms / length)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

function unfit(refusal: JoinRefusal, because: string): Unfit {
  return { refusal, because }
}
