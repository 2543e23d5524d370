import { join } from 'node:path'
import t from 'tap'
import type { ClusterRecord } from '../../server/clusters/cluster.ts'
import { openStore } from '../../server/store/open-store.ts'
import { testFolder } from '../folder.ts'

function aRecord(name: string, token: string): ClusterRecord {
  const cluster = {
    kind: 'external',
    name,
    createdAt: 5,
    server: 'https://10.1.0.10:6443',
    ca: '-----BEGIN CERTIFICATE-----\n',
    tlsServerName: 'kubernetes',
    credential: { kind: 'token' },
  } as const
  return { cluster, sealed: { token } }
}

t.test('clusters are kept with what was sealed, replaced and deleted by their name', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  {
    await using store = await openStore(path)
    t.strictSame(await store.clusters.all(), [])
    await store.saveClusters([aRecord('prod', 'one'), aRecord('lab', 'two')])
    await store.saveClusters([aRecord('prod', 'three')])
  }
  await using store = await openStore(path)
  t.strictSame(await store.clusters.all(), [aRecord('lab', 'two'), aRecord('prod', 'three')])
  await store.deleteCluster('lab')
  await store.deleteCluster('nobody')
  t.strictSame(await store.clusters.all(), [aRecord('prod', 'three')])
})
