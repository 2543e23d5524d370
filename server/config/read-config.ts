import { isAbsolute, join, normalize } from 'node:path'
import type {
  ApprovalRule,
  Config,
  ImageSyncSettings,
  MachineSettings,
  NetworkSettings,
  ProxyForm,
  ProxySettings,
} from './config.ts'
import { contradictions } from './contradictions.ts'
import type { Mistake } from './mistake.ts'
import { parseYaml } from './parse-yaml.ts'
import type { PowerSettings, SecretPlace } from './power-settings.ts'
import { settingsSchema } from './settings-schema.ts'
import type { Settings } from './settings-schema.ts'
import { shapeFindings } from './shape-findings.ts'

export type ReadConfig =
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] }

/** Where Debian and Ubuntu put boot programs. */
const systemBootPrograms = [
  '/usr/lib/ipxe',
  '/usr/share/ipxe',
  '/usr/lib/shim',
  '/usr/lib/grub/x86_64-efi-signed',
  '/usr/lib/grub/arm64-efi-signed',
]

/** More than a person reads; the rest follows when these are mended. */
const mostMistakes = 100

/**
 * Reads the settings file, with every default filled in, or tells all its mistakes at once. An empty text gives the
 * defaults. Relative folders start at `folder`, the absolute path of the folder the file lies in.
 */
export function readConfig(text: string, fileName: string, folder: string): ReadConfig {
  const yaml = parseYaml(text, fileName)
  if (yaml.kind === 'mistakes') return { kind: 'mistakes', mistakes: yaml.mistakes.slice(0, mostMistakes) }
  const settings = withoutEmpty(yaml.value ?? {}, 0)
  const parsed = settingsSchema.safeParse(settings)
  const findings = [
    ...(parsed.success ? [] : shapeFindings(parsed.error.issues, settings)),
    ...contradictions(settings),
  ]
  if (parsed.success && findings.length === 0)
    return { kind: 'config', config: configOf(parsed.data, folder) }
  const mistakes = findings.map(yaml.locate).sort((a, b) => a.line - b.line || a.column - b.column)
  return { kind: 'mistakes', mistakes: mistakes.slice(0, mostMistakes) }
}

/** The deepest setting lies six levels down; an alias that holds itself has no end. */
const deepestSetting = 16

/** A key with nothing behind it counts as absent: that is what remains when its lines are commented out. */
function withoutEmpty(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > deepestSetting) return value
  if (Array.isArray(value)) return value.map((item) => withoutEmpty(item, depth + 1))
  const kept = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutEmpty(inner, depth + 1)]))
}

function configOf(settings: Settings, folder: string): Config {
  const absolute = (path: string) => normalize(isAbsolute(path) ? path : join(folder, path))
  const dataFolder = absolute(settings.data)
  const [onlyImage, ...otherImages] = settings.images
  const defaults: MachineSettings = {
    method: settings.defaults.method ?? 'ram',
    image: settings.defaults.image ?? (otherImages.length === 0 ? onlyImage?.name : undefined),
    kernelParameters: settings.defaults['kernel-parameters'] ?? [],
    sshAuthorizedKeys: settings.defaults['ssh-authorized-keys'] ?? [],
    ...diskSettingsOf(settings.defaults, otherImages.length === 0 ? onlyImage?.name : undefined),
    ...joinSettingsOf(settings.defaults),
  }
  return {
    dataFolder,
    http: {
      port: settings.http.port,
      deliveryPort: settings.http['delivery-port'],
      streams: settings.http.streams,
    },
    api: settings.api,
    bootProgramFolders: settings['boot-programs']?.map(absolute) ?? [
      join(dataFolder, 'boot-programs'),
      ...systemBootPrograms,
    ],
    bootFiles: settings['boot-files'],
    networks: settings.networks.map(networkOf),
    approve: approvalRuleOf(settings.approve),
    sightings: settings.sightings,
    images: settings.images.map((image) => ({ name: image.name, folder: absolute(image.folder) })),
    imageSync: imageSyncOf(settings['image-sync'], absolute),
    imageStore: settings['image-store'],
    jobs: {
      syncImages: unlessOff(settings.jobs['sync-images']),
      sweepImages: unlessOff(settings.jobs['sweep-images']),
    },
    defaults,
    machines: settings.machines.map((machine) => ({
      mac: machine.mac,
      hostname: machine.hostname,
      ...(machine.loader === undefined ? {} : { loader: machine.loader }),
      ...proxyOfferOf(machine),
      ...(machine.power === undefined ? {} : { power: powerOf(machine.power, absolute) }),
      method: machine.method ?? defaults.method,
      image: machine.image ?? defaults.image,
      kernelParameters: machine['kernel-parameters'] ?? defaults.kernelParameters,
      sshAuthorizedKeys: machine['ssh-authorized-keys'] ?? defaults.sshAuthorizedKeys,
      ...diskSettingsOf({ disk: defaults.disk, wipe: defaults.wipe, ...machine }, defaults.ephemeral),
      ...joinSettingsOf(settings.defaults),
      ...joinSettingsOf(machine),
      own: ownOf(machine),
    })),
    clusters: settings.clusters.map(({ name, identity }) => ({
      name,
      ...(identity === undefined ? {} : { identity }),
    })),
    kubernetes: {
      packages: settings.kubernetes.packages,
      packagesKeyFile: optionally(settings.kubernetes['packages-key'], absolute),
    },
    events: { keepDays: settings.events['keep-days'] },
  }
}

function diskSettingsOf(
  { ephemeral, disk, wipe }: Partial<Pick<Settings['defaults'], 'ephemeral' | 'disk' | 'wipe'>>,
  otherwise: string | undefined,
): Pick<MachineSettings, 'ephemeral' | 'disk' | 'wipe'> {
  const booted = ephemeral ?? otherwise
  return {
    ...(booted === undefined ? {} : { ephemeral: booted }),
    ...(disk === undefined ? {} : { disk }),
    ...(wipe === undefined ? {} : { wipe }),
  }
}

function approvalRuleOf(approve: Settings['approve']): ApprovalRule {
  if ('all' in approve) return { kind: 'all' }
  const macs = new Set(approve.macs)
  if (approve.likenesses.length === 0) return { kind: 'these', macs }
  const likenesses = approve.likenesses.map((one) => ({
    text: one.text,
    ...(one.mac === undefined ? {} : { macs: one.mac }),
    ...(one.serial === undefined ? {} : { serials: one.serial }),
    ...(one.manufacturer === undefined ? {} : { manufacturers: one.manufacturer }),
    ...(one.product === undefined ? {} : { products: one.product }),
    gives: {
      ...(one.method === undefined ? {} : { method: one.method }),
      ...(one.image === undefined ? {} : { image: one.image }),
      ...diskSettingsOf(one, undefined),
      ...joinSettingsOf(one),
    },
  }))
  return { kind: 'these', macs, likenesses }
}

/** What stands in the entry of a machine itself. */
function ownOf(machine: Settings['machines'][number]): Partial<MachineSettings> {
  const { method, image } = machine
  const parameters = machine['kernel-parameters']
  const keys = machine['ssh-authorized-keys']
  return {
    ...(method === undefined ? {} : { method }),
    ...(image === undefined ? {} : { image }),
    ...(parameters === undefined ? {} : { kernelParameters: parameters }),
    ...(keys === undefined ? {} : { sshAuthorizedKeys: keys }),
    ...diskSettingsOf(machine, undefined),
    ...joinSettingsOf(machine),
  }
}

type JoinSettings = Pick<MachineSettings, 'cluster' | 'role' | 'labels' | 'taints' | 'zone'>

function joinSettingsOf({
  cluster,
  role,
  labels,
  taints,
  zone,
}: Pick<Settings['defaults'], keyof JoinSettings>): JoinSettings {
  return {
    ...(cluster === undefined ? {} : { cluster }),
    ...(role === undefined ? {} : { role }),
    ...(labels === undefined ? {} : { labels }),
    ...(taints === undefined ? {} : { taints }),
    ...(zone === undefined ? {} : { zone }),
  }
}

function powerOf(power: PowerSettings, absolute: (path: string) => string): PowerSettings {
  const placed = (place: SecretPlace): SecretPlace =>
    place.kind === 'file' ? { kind: 'file', path: absolute(place.path) } : place
  switch (power.kind) {
    case 'wake-on-lan':
      return power
    case 'redfish':
    case 'ipmi':
      return { ...power, password: placed(power.password) }
    case 'webhook':
      return { ...power, token: power.token === undefined ? undefined : placed(power.token) }
  }
}

function imageSyncOf(
  settings: Settings['image-sync'],
  absolute: (path: string) => string,
): ImageSyncSettings {
  const { proxy, mirrors, catalogue } = settings
  return {
    images: settings.images,
    versions: settings.versions,
    downloads: settings.downloads,
    rateBytes: settings.rate,
    proxy: proxyOf(proxy, settings['no-proxy']),
    mirrors: mirrors.map((mirror) => ({
      of: mirror.of,
      base: mirror.url,
      files: mirror['files-url'] ?? mirror.url,
      keyring: mirror.keyring === undefined ? undefined : absolute(mirror.keyring),
    })),
    catalogueFolder: catalogue === undefined ? undefined : absolute(catalogue),
  }
}

function proxyOf(proxy: string | undefined, except: readonly string[]): ProxySettings {
  if (proxy === undefined) return { kind: 'environment' }
  return proxy === 'none' ? { kind: 'none' } : { kind: 'proxy', url: proxy, except }
}

function optionally<T>(value: T | undefined, then: (value: T) => T): T | undefined {
  return value === undefined ? undefined : then(value)
}

function unlessOff(when: string): string | undefined {
  return when === 'off' ? undefined : when
}

function networkOf(network: Settings['networks'][number]): NetworkSettings {
  const { address, reservations } = network
  return {
    name: network.name ?? network.interface,
    interface: network.interface,
    mode: network.mode,
    address: address?.address,
    ...(address?.prefixLength === undefined ? {} : { prefixLength: address.prefixLength }),
    ...(network.relayed === undefined ? {} : { relayed: network.relayed }),
    ...(network.authoritative ? { authoritative: true } : {}),
    ...(network.probe === undefined ? {} : { probe: network.probe }),
    pool: network.pool,
    router: network.router,
    dnsServers: network.dns,
    domain: network.domain,
    leaseSeconds: network.lease,
    ...(network.loader === undefined ? {} : { loader: network.loader }),
    ...proxyOfferOf(network),
    ...(network.link === undefined ? {} : { link: network.link }),
    ...(network.identity === undefined ? {} : { identity: network.identity }),
    reservations: reservations.map(({ mac, address, hostname }) => ({ mac, address, hostname })),
  }
}

function proxyOfferOf({ 'proxy-offer': proxyOffer }: { readonly 'proxy-offer'?: ProxyForm | undefined }): {
  readonly proxyOffer?: ProxyForm
} {
  return proxyOffer === undefined ? {} : { proxyOffer }
}
