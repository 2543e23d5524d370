import type { KubernetesMinor } from './kubernetes-versions.ts'

/**
 * What containerd the releases of Ubuntu have, their updates included (packages.ubuntu.com, November 2026). A node has it
 * from its distribution.
 */
const systems: readonly { readonly release: RegExp; readonly name: string; readonly containerd: string }[] = [
  { release: /(?:^|[-_])(?:ubuntu-20\.04|focal)(?:[-_]|$)/, name: 'Ubuntu 20.04', containerd: '1.7.24' },
  { release: /(?:^|[-_])(?:ubuntu-22\.04|jammy)(?:[-_]|$)/, name: 'Ubuntu 22.04', containerd: '2.2.1' },
  { release: /(?:^|[-_])(?:ubuntu-24\.04|noble)(?:[-_]|$)/, name: 'Ubuntu 24.04', containerd: '2.2.1' },
  { release: /(?:^|[-_])(?:ubuntu-26\.04|resolute)(?:[-_]|$)/, name: 'Ubuntu 26.04', containerd: '2.2.2' },
  { release: /(?:^|[-_])(?:ubuntu-26\.10|stonking)(?:[-_]|$)/, name: 'Ubuntu 26.10', containerd: '2.3.4' },
]

/**
 * Why an image, by its name, does not bring what a version of Kubernetes asks of its nodes. Of an image with a name of its own
 * nothing is known here; its system looks for itself when it is prepared.
 */
export function whyNotNodeSystem(image: string, { minor, containerd }: KubernetesMinor): string | undefined {
  const system = systems.find(({ release }) => release.test(image.replace(/@.*$/, '')))
  if (system === undefined || isEnough(system.containerd, containerd)) return undefined
  return `${system.name} has containerd ${system.containerd}, and Kubernetes ${minor} needs ${containerd.join(' or ')} at least`
}

/** As new as the oldest of its own line, or of a line that is newer than all that are named. */
function isEnough(version: string, oldest: readonly string[]): boolean {
  const [major = 0, minor = 0, patch = 0] = numbersOf(version)
  const lines = oldest.map(numbersOf)
  const same = lines.find(([a, b]) => a === major && b === minor)
  if (same !== undefined) return patch >= (same[2] ?? 0)
  return lines.every(([a = 0, b = 0]) => major > a || (major === a && minor > b))
}

function numbersOf(version: string): readonly number[] {
  return version.split('.').map(Number)
}
