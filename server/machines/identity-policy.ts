import { identityTier, identityTiers, reaches, type Evidence, type IdentityTier } from './identity-tier.ts'
import type { Machine } from './machine.ts'

/** The least tier by which a machine may enrol and join, by the names of networks and of clusters; `mac` where none is said. */
export type IdentityPolicy = {
  /** All networks of the settings. */
  readonly networks: ReadonlyMap<string, IdentityTier>
  readonly clusters: ReadonlyMap<string, IdentityTier>
}

export type WantedIdentity = {
  readonly tier: IdentityTier
  /** Who wants it, in words. */
  readonly by: string
}

/** What is wanted of a machine that is for a cluster, by the network that its boot came from. */
export function wantedIdentity(
  { networks, clusters }: IdentityPolicy,
  network: string | undefined,
  cluster: string,
): WantedIdentity {
  const own = network === undefined ? undefined : networks.get(network)
  // Where it asked is not known, or is no network any more: it may have been any of them.
  const ofNetwork: WantedIdentity =
    own === undefined
      ? { tier: strictest([...networks.values()]), by: 'the strictest of the networks' }
      : { tier: own, by: `the network ${network}` }
  const ofCluster: WantedIdentity = { tier: clusters.get(cluster) ?? 'mac', by: `the cluster ${cluster}` }
  return reaches(ofNetwork.tier, ofCluster.tier) ? ofNetwork : ofCluster
}

/** Why a machine may neither enrol nor join its cluster; `undefined` where it is known well enough. */
export function whyTooWeak(
  policy: IdentityPolicy,
  machine: Machine,
  cluster: string,
  evidence: Evidence = { shown: machine.shown },
): string | undefined {
  const { tier, because } = identityTier(machine, evidence)
  const wanted = wantedIdentity(policy, evidence.shown?.network, cluster)
  if (reaches(tier, wanted.tier)) return undefined
  return `${wanted.by} wants the identity tier ${wanted.tier}, and it has ${tier}: ${because}`
}

function strictest(tiers: readonly IdentityTier[]): IdentityTier {
  return identityTiers.findLast((tier) => tiers.includes(tier)) ?? 'mac'
}
