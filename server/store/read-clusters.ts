import type { Cluster } from '../clusters/cluster.ts'
import { ClusterRecords } from './clusters.ts'
import { readOnly } from './read-only.ts'

/** The clusters of the store in this file, whether or not an appliance has it open. Throws a `StoreFault` where they cannot be read. */
export async function readClusters(path: string): Promise<readonly Cluster[]> {
  const records = await readOnly(path, async (db) => await new ClusterRecords(db).all())
  return (records ?? []).map(({ cluster }) => cluster)
}
