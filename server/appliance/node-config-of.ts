import { readFileSync } from 'node:fs'
import { nodeCloudConfig, type NodeSoftware } from '../cloud-init/node-cloud-config.ts'
import type { Cluster } from '../clusters/cluster.ts'
import { minorOf } from '../clusters/kubernetes-versions.ts'
import type { Config } from '../config/config.ts'
import type { GivenText } from '../http/cluster-routes.ts'
import { readNodeTemplates } from './boot-material.ts'

/** Of the key by which pkgs.k8s.io signs. */
const usualKey = 'DE15B14486CD377B9E876E1A234654DA9A296436'

/** Cloud-config that makes a system fit to become a node of a cluster. */
export function nodeConfigOf(cluster: Cluster, settings: Config['kubernetes']): GivenText {
  if (cluster.kind === 'external') {
    return refused(`Which version ${cluster.name} has is its own affair, and not on record here.`)
  }
  const minor = minorOf(cluster.kubernetes)
  if (minor === undefined) {
    return refused(`Kubernetes ${cluster.kubernetes} is not one that nodes can be made of by this version.`)
  }
  const key = keyOf(settings.packagesKeyFile)
  if ('because' in key) return refused(key.because)
  const { containerd: containerdOldest, pauseImage, cgroupV1 } = minor
  const packages = settings.packages.replaceAll('{minor}', () => minor.minor)
  const software = {
    kubernetes: cluster.kubernetes,
    containerdOldest,
    pauseImage,
    cgroupV1,
    packages,
    packagesKey: key,
  }
  const made = nodeCloudConfig(software, readNodeTemplates())
  return made.kind === 'refused' ? refused(`${made.because}.`) : { kind: 'text', text: made.text }
}

function keyOf(file: string | undefined): NodeSoftware['packagesKey'] | { readonly because: string } {
  if (file === undefined) return { kind: 'fingerprint', fingerprint: usualKey }
  try {
    return { kind: 'key', armored: readFileSync(file, 'utf8') }
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    return { because: `The key of the packages, kubernetes.packages-key, cannot be read: ${because}` }
  }
}

function refused(because: string): GivenText {
  return { kind: 'refused', because }
}
