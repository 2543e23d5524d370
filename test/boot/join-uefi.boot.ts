import t from 'tap'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { kubernetesAtHand } from '../fakes/kubernetes-packages.ts'
import { testFolder } from '../folder.ts'
import { aptRepository } from './apt-repository.ts'
import { externalCluster } from './external-cluster.ts'
import { approved, becomesActive, disksOf, letGo, planOf, version } from './join.ts'
import { startRig } from './rig.ts'

/** That cluster has its network for pods by a file on each node. */
const network = {
  '/etc/cni/net.d/10-bridge.conflist': `${JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipam: { type: 'host-local', subnet: '10.244.9.0/24' },
      },
    ],
  })}\n`,
}

void t.test(
  'uefi: an unknown machine becomes a worker of a cluster that is there, and is let go',
  async (t) => {
    testFolder(t)
    const disks = disksOf(t)
    const release = kubernetesAtHand(version)
    await using packages = await aptRepository(release)
    await using cluster = await externalCluster(release)
    const plugIn = async (box: NetworkNamespace) => {
      await using started = new AsyncDisposableStack()
      started.use(await packages.plugIn(box))
      started.use(await cluster.plugIn(box))
      return started.move()
    }
    await using rig = await startRig(planOf(t, 'uefi', packages, disks, plugIn, network))
    await rig.ironwake('clusters', 'add', 'prod', '--kubeconfig', cluster.kubeconfig)
    await approved(t, rig, ['--cluster', 'prod', '--zone', 'hall-2', '--taint', 'dedicated=edge:NoSchedule'])
    await becomesActive(t, rig, 'join-worker')
    const notes = rig.happened.flatMap(({ event }) => (event.kind === 'disk-note' ? event.note : []))
    t.ok(
      notes.some((note) => note.startsWith('the boot order has the disk behind the network')),
      notes.join('; '),
    )
    const tokens = rig.happened.flatMap(({ event }) =>
      event.kind.startsWith('bootstrap-token') ? event.kind : [],
    )
    t.strictSame(
      tokens,
      ['bootstrap-token-made', 'bootstrap-token-deleted'],
      'one token, gone when the Node is Ready',
    )
    t.match(JSON.parse(await rig.ironwake('clusters', 'show', 'prod', '--output', 'json')), {
      nodes: {
        kind: 'heard',
        nodes: [
          {
            name: 'node-1',
            ready: { status: 'True' },
            labels: { 'topology.kubernetes.io/zone': 'hall-2' },
            taints: [{ key: 'dedicated', value: 'edge', effect: 'NoSchedule' }],
          },
        ],
      },
    })
    await letGo(t, rig, disks)
  },
)
