import { minorOf } from '../clusters/kubernetes-versions.ts'
import { whyNotNodeSystem } from '../clusters/node-systems.ts'
import type { ClusterDesk } from '../http/cluster-routes.ts'
import type { JoinWish } from '../machines/join-wish.ts'

export type JoinParts = {
  readonly clusters: Pick<ClusterDesk, 'find' | 'nodeConfig'>
  /** Whether machines can reach the API of this box, through which they enter a cluster. */
  readonly api: 'on' | 'off'
}

/** Why a machine with this image cannot become what it is to be in a cluster; `undefined` when nothing speaks against it. */
export function whyNotJoin(
  { clusters, api }: JoinParts,
  { cluster: name, role }: JoinWish,
  image: string | undefined,
): string | undefined {
  const found = clusters.find(name)
  if (found === undefined) {
    return `there is no cluster ${name}; \`ironwake clusters list\` shows them, and \`ironwake clusters create ${name}\` makes it`
  }
  if (api === 'off') {
    return `a machine enters a cluster through the API of this box, and the API is off: add \`api: {listen: networks}\` to the settings, and start Ironwake again`
  }
  const { cluster, locked } = found
  if (locked !== undefined) return `the secrets of ${name} cannot be used: ${locked}`
  if (cluster.kind === 'external') {
    return role === 'control-plane'
      ? `${name} is somebody else’s cluster, and this box has no authority to make its control planes; say --role worker`
      : undefined
  }
  const minor = minorOf(cluster.kubernetes)
  if (minor === undefined) {
    return `${name} is of Kubernetes ${cluster.kubernetes}, which nodes cannot be made of by this version of Ironwake`
  }
  const unfit = image === undefined ? undefined : whyNotNodeSystem(image, minor)
  if (unfit !== undefined) return `${image} cannot be a node of ${name}: ${unfit}; name another image`
  const config = clusters.nodeConfig(name)
  return config.kind === 'refused' ? config.because.replace(/\.$/, '') : undefined
}
