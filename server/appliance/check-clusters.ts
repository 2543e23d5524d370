import { join } from 'node:path'
import { addressesTaken } from '../clusters/addresses-taken.ts'
import type { BoxNetwork } from '../clusters/why-not-vip.ts'
import { readClusters } from '../store/read-clusters.ts'
import { StoreFault } from '../store/store-fault.ts'
import { storeName } from '../store/store-name.ts'
import type { Finding } from './finding.ts'

/** Whether the networks, as the settings have them now, leave the clusters their addresses. */
export async function checkClusters(
  dataFolder: string,
  networks: readonly BoxNetwork[],
): Promise<readonly Finding[]> {
  try {
    const clusters = await readClusters(join(dataFolder, storeName))
    return addressesTaken(clusters, networks).map(({ cluster, address, because }) => ({
      verdict: 'wrong',
      subject: `cluster ${cluster}`,
      fact: `its control planes are reached by ${address}, which ${because}`,
      nextStep: 'Change the network in the settings so that nobody else is given it.',
    }))
  } catch (error) {
    if (!(error instanceof StoreFault)) throw error
    return [{ verdict: 'wrong', subject: 'store', fact: error.message }]
  }
}
