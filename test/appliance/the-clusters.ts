import { clusterDesk } from '../../server/appliance/cluster-desk.ts'
import { nodesOf } from '../../server/appliance/nodes-of.ts'
import type { ClusterDesk } from '../../server/http/cluster-routes.ts'
import { kubeTransport } from '../../server/listen/kube-transport.ts'
import { aKubeconfig } from '../clusters/a-kubeconfig.ts'
import type { OneMachine } from './one-machine.ts'

/** Clusters as a box keeps them: `lab` that it makes, `prod` that is somebody else's. */
export async function theClusters(box: OneMachine): Promise<ClusterDesk> {
  const { desk } = await clusterDesk({
    store: box.store,
    dataFolder: box.dataFolder,
    keyVariable: Buffer.alloc(32, 7).toString('base64'),
    networks: [],
    kubernetes: { packages: 'http://mirror.example/v{minor}/', packagesKeyFile: undefined },
    transport: (target) => kubeTransport(target, 'ironwake/test'),
    nodesOf: (cluster) => nodesOf({ roster: box.roster, plans: box.plans }, cluster),
    tell: () => {},
    now: () => box.now,
  })
  const made = await desk.make({ kind: 'managed', name: 'lab' })
  const kubeconfig = aKubeconfig({ cluster: { server: 'https://127.0.0.1:9' } })
  const added = await desk.make({ kind: 'external', name: 'prod', kubeconfig })
  for (const one of [made, added]) if (one.kind === 'refused') throw new Error(one.because)
  return desk
}
