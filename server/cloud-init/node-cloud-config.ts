import { whyNotPackages } from '../config/package-repository.ts'
import { seedFields, type SeedParts } from './seed-parts.ts'
import { writeYaml, type CloudValue } from './write-yaml.ts'

/** What a node of Kubernetes is made with. Nothing in it belongs to a cluster alone, and nothing is secret. */
export type NodeSoftware = {
  /** As `1.36.5`. */
  readonly kubernetes: string
  /** The oldest containerd of each of its lines that will do. */
  readonly containerdOldest: readonly string[]
  readonly pauseImage: string
  readonly cgroupV1: 'refused' | 'not-recommended'
  /** The repository of its packages, with a slash at its end. */
  readonly packages: string
  readonly packagesKey:
    /** The key itself, in ASCII armor. */
    | { readonly kind: 'key'; readonly armored: string }
    /** It lies beside the packages as `Release.key`, and must be this one. */
    | { readonly kind: 'fingerprint'; readonly fingerprint: string }
}

/** The files of `cloud-init/kubernetes`, by their names. */
export type NodeTemplates = { readonly [name in (typeof nodeTemplateNames)[number]]: string }

export const nodeTemplateNames = [
  'containerd.toml',
  'modules.conf',
  'sysctl.conf',
  'crictl.yaml',
  'containerd-fits',
  'key-is',
  'prepare-node',
] as const

export type NodeCloudConfig =
  | { readonly kind: 'cloud-config'; readonly text: string }
  | { readonly kind: 'refused'; readonly because: string }

/** Cloud-config, for user-data or vendor-data, that makes a Debian or Ubuntu fit to become a node. */
export function nodeCloudConfig(software: NodeSoftware, templates: NodeTemplates): NodeCloudConfig {
  const parts = nodeParts(software, templates)
  if (parts.kind === 'refused') return parts
  const config = writeYaml(seedFields(parts))
  if (config.kind === 'refused') return config
  return { kind: 'cloud-config', text: `#cloud-config\n${config.text}` }
}

/** What makes a Debian or Ubuntu fit to become a node, to be written into its seed. */
export function nodeParts(software: NodeSoftware, templates: NodeTemplates): SeedParts {
  const because = whyNot(software)
  if (because !== undefined) return { kind: 'refused', because }
  const { kubernetes, containerdOldest, pauseImage, cgroupV1, packages, packagesKey } = software
  const settings: Readonly<Record<string, string>> = {
    KUBERNETES_VERSION: kubernetes,
    KUBERNETES_PACKAGES: packages,
    KUBERNETES_KEY: packagesKey.kind === 'fingerprint' ? packagesKey.fingerprint : '',
    CONTAINERD_OLDEST: containerdOldest.join(' '),
    CGROUP_V1: cgroupV1,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`)
  const lib = '/usr/local/lib/ironwake'
  const files: CloudValue[] = [
    file('/etc/modules-load.d/kubernetes.conf', templates['modules.conf']),
    file('/etc/sysctl.d/99-kubernetes.conf', templates['sysctl.conf']),
    file('/etc/crictl.yaml', templates['crictl.yaml']),
    file(
      '/etc/containerd/config.toml',
      templates['containerd.toml'].replaceAll('@PAUSE_IMAGE@', () => pauseImage),
    ),
    file('/etc/ironwake/node.conf', lines.join('')),
    ...(packagesKey.kind === 'key' ? [file('/etc/apt/keyrings/kubernetes.asc', packagesKey.armored)] : []),
    ...(['containerd-fits', 'key-is', 'prepare-node'] as const).map((name) =>
      program(`${lib}/${name}`, templates[name]),
    ),
  ]
  return { kind: 'parts', files, commands: [['flock', prepareLock, `${lib}/prepare-node`]] }
}

/** Held by whoever prepares a system: cloud-init, or the agent after it (`cloud-init/node/node-agent`). */
const prepareLock = '/run/ironwake-prepare.lock'

function file(path: string, content: string): CloudValue {
  return { path, content, permissions: '0644' }
}

function program(path: string, content: string): CloudValue {
  return { path, content, permissions: '0755' }
}

/** Each is a word of a file that a shell, apt or containerd reads. */
function whyNot(software: NodeSoftware): string | undefined {
  const { kubernetes, containerdOldest, pauseImage, packages, packagesKey } = software
  if (!version.test(kubernetes)) return 'kubernetes: it is not a version'
  if (containerdOldest.length === 0 || !containerdOldest.every((one) => version.test(one))) {
    return 'containerdOldest: these are not versions'
  }
  if (!/^[a-z0-9][a-z0-9.:/_-]{0,200}[a-z0-9]$/.test(pauseImage))
    return 'pauseImage: it is not the name of an image'
  const notPackages = whyNotPackages(packages)
  if (notPackages !== undefined) return `packages: ${notPackages}`
  if (packagesKey.kind === 'fingerprint') {
    return fingerprint.test(packagesKey.fingerprint) ? undefined : 'packagesKey: it is not a fingerprint'
  }
  return armor.test(packagesKey.armored) ? undefined : 'packagesKey: it is not an OpenPGP key in ASCII armor'
}

const version = /^(?:0|[1-9][0-9]{0,3})\.(?:0|[1-9][0-9]{0,3})\.(?:0|[1-9][0-9]{0,3})$/
const fingerprint = /^[0-9A-F]{40}$/
const armor =
  /^-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n[\x20-\x7e\r\n]{1,65536}\n-----END PGP PUBLIC KEY BLOCK-----\r?\n?$/
