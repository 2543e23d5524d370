export type NodeRole = 'control-plane' | 'worker'

export type NodeTaint = {
  readonly key: string
  readonly value?: string
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

/** The cluster that a machine is to become a node of, and how. */
export type JoinWish = {
  readonly cluster: string
  readonly role: NodeRole
  readonly labels: Readonly<Record<string, string>>
  readonly taints: readonly NodeTaint[]
  /** Where it stands, for `topology.kubernetes.io/zone`. */
  readonly zone?: string
}

/** What one who approves, or the settings, may say of it; absent, somebody else says it. */
export type JoinWords = {
  readonly cluster?: string
  readonly role?: NodeRole
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly NodeTaint[]
  readonly zone?: string
}

/**
 * What those say together who have a word in it, the first before the next, word by word; none, where nobody names a
 * cluster. A role is one in the cluster it was said with: where an earlier word leads to another cluster it does not count.
 */
export function joinWishOf(...sayings: readonly (JoinWords | undefined)[]): JoinWish | undefined {
  const said = sayings.filter((one) => one !== undefined)
  const cluster = said.find((one) => one.cluster !== undefined)?.cluster
  if (cluster === undefined) return undefined
  const zone = said.find((one) => one.zone !== undefined)?.zone
  const fitting = said.filter((one) => one.cluster === undefined || one.cluster === cluster)
  return {
    cluster,
    role: fitting.find((one) => one.role !== undefined)?.role ?? 'worker',
    labels: said.find((one) => one.labels !== undefined)?.labels ?? {},
    taints: said.find((one) => one.taints !== undefined)?.taints ?? [],
    ...(zone === undefined ? {} : { zone }),
  }
}

/** As kubectl writes it. */
export function taintText({ key, value, effect }: NodeTaint): string {
  return value === undefined ? `${key}:${effect}` : `${key}=${value}:${effect}`
}

export function joinInWords({ cluster, role, labels, taints, zone }: JoinWish): string {
  return [
    `${role} of the cluster ${cluster}`,
    ...Object.entries(labels).map(([key, value]) => `label ${key}=${value}`),
    ...taints.map((taint) => `taint ${taintText(taint)}`),
    ...(zone === undefined ? [] : [`zone ${zone}`]),
  ].join(', ')
}
