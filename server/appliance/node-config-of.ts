import { fileTrouble } from '../wire/file-trouble.ts'
import { readFileSync } from 'node:fs'
import { nodeCloudConfig, nodeParts, type NodeSoftware } from '../cloud-init/node-cloud-config.ts'
import type { SeedParts } from '../cloud-init/seed-parts.ts'
import type { Cluster } from '../clusters/cluster.ts'
import { minorOf } from '../clusters/kubernetes-versions.ts'
import type { Config } from '../config/config.ts'
import type { GivenText } from '../http/cluster-routes.ts'
import { readNodeTemplates } from './boot-material.ts'

/** Of the key by which pkgs.k8s.io signs. */
const usualKey = 'DE15B14486CD377B9E876E1A234654DA9A296436'

/** Cloud-config that makes a system fit to become a node of a cluster. */
export function nodeConfigOf(cluster: Cluster, settings: Config['kubernetes']): GivenText {
  const software = softwareOf(cluster, settings)
  if ('because' in software) return refused(software.because)
  const made = nodeCloudConfig(software, readNodeTemplates())
  return made.kind === 'refused' ? refused(`${made.because}.`) : { kind: 'text', text: made.text }
}

/** What the seed of a machine brings that is to become a node of a cluster. */
export function nodePartsOf(cluster: Cluster, settings: Config['kubernetes']): SeedParts {
  const software = softwareOf(cluster, settings)
  if ('because' in software) return { kind: 'refused', because: software.because }
  return nodeParts(software, readNodeTemplates())
}

function softwareOf(
  cluster: Cluster,
  settings: Config['kubernetes'],
): NodeSoftware | { readonly because: string } {
  const { name, kubernetes } = cluster
  if (kubernetes === undefined) {
    return {
      because: `Which version ${name} has is not known here, since it was not reached when it was added. Remove it and add it again.`,
    }
  }
  const minor = minorOf(kubernetes)
  if (minor === undefined) {
    return { because: `Kubernetes ${kubernetes} is not one that nodes can be made of by this version.` }
  }
  const key = keyOf(settings.packagesKeyFile)
  if ('because' in key) return key
  const { containerd: containerdOldest, pauseImage, cgroupV1 } = minor
  const packages = settings.packages.replaceAll('{minor}', () => minor.minor)
  return { kubernetes, containerdOldest, pauseImage, cgroupV1, packages, packagesKey: key }
}

function keyOf(file: string | undefined): NodeSoftware['packagesKey'] | { readonly because: string } {
  if (file === undefined) return { kind: 'fingerprint', fingerprint: usualKey }
  try {
    return { kind: 'key', armored: readFileSync(file, 'utf8') }
  } catch (error) {
    return {
      because: `The key of the packages, kubernetes.packages-key, cannot be read: ${fileTrouble(error)}.`,
    }
  }
}

function refused(because: string): GivenText {
  return { kind: 'refused', because }
}
