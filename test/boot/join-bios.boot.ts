import t from 'tap'
import { testFolder } from '../folder.ts'
import { aptRepository } from './apt-repository.ts'
import { approved, becomesActive, disksOf, letGo, planOf, version } from './join.ts'
import { startRig } from './rig.ts'

void t.test(
  'bios: an unknown machine becomes the first control plane of a cluster, and is let go',
  async (t) => {
    testFolder(t)
    const disks = disksOf(t)
    await using packages = await aptRepository({ version })
    await using rig = await startRig(planOf(t, 'bios', packages, disks, packages.plugIn))
    await rig.ironwake('clusters', 'create', 'lab', '--kubernetes', version)
    await approved(t, rig, ['--cluster', 'lab', '--role', 'control-plane', '--label', 'rack=r1'])
    await becomesActive(t, rig, 'init')
    t.match(JSON.parse(await rig.ironwake('clusters', 'show', 'lab', '--output', 'json')), {
      nodes: {
        kind: 'heard',
        nodes: [
          {
            name: 'node-1',
            ready: { status: 'True' },
            kubeletVersion: `v${version}`,
            labels: { rack: 'r1', 'node-role.kubernetes.io/control-plane': '' },
            taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
          },
        ],
      },
    })
    t.notOk(
      rig.happened.some(({ event }) => event.kind === 'bootstrap-token-made'),
      'and no token was made for it',
    )
    await letGo(t, rig, disks, { words: ['--force'], isOnly: true })
  },
)
