import { join } from 'node:path'
import { clusterDesk } from '../../server/appliance/cluster-desk.ts'
import type { BoxNetwork } from '../../server/clusters/why-not-vip.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import type { ClusterDesk } from '../../server/http/cluster-routes.ts'
import { kubeTransport } from '../../server/listen/kube-transport.ts'
import { openStore } from '../../server/store/open-store.ts'
import { parseSubnet } from '../../server/wire/ipv4.ts'

export type ClusterDeskSettings = {
  /** As `IRONWAKE_STORE_KEY`. */
  readonly keyVariable?: string | undefined
  readonly packagesKeyFile?: string | undefined
  /** Absent, it is one without a pool, 10.20.0.0/24. */
  readonly networks?: readonly BoxNetwork[]
}

/** The clusters of a box with one network, over a store in a folder. The cluster `full` has machines. */
export async function aClusterDesk(
  opened: AsyncDisposableStack,
  folder: string,
  { keyVariable, packagesKeyFile, networks }: ClusterDeskSettings = {},
): Promise<{ readonly desk: ClusterDesk; readonly told: readonly ApplianceEvent[] }> {
  const told: ApplianceEvent[] = []
  const store = opened.use(await openStore(join(folder, 'ironwake.db')))
  const { desk } = await clusterDesk({
    store,
    dataFolder: folder,
    keyVariable,
    networks: networks ?? [{ name: 'rack', subnet: parseSubnet('10.20.0.0/24')! }],
    kubernetes: { packages: 'http://mirror.example/v{minor}/', packagesKeyFile },
    transport: (target) => kubeTransport(target, 'ironwake/test'),
    nodesOf: (cluster) => (cluster === 'full' ? ['node-1', 'M0000002'] : []),
    tell: (event) => void told.push(event),
    now: Date.now,
  })
  return { desk, told }
}
