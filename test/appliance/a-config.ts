import type { Config, MachineSettings, NetworkSettings } from '../../server/config/config.ts'

export const ram: MachineSettings = {
  method: 'ram',
  image: undefined,
  kernelParameters: [],
  sshAuthorizedKeys: [],
}

/** Settings without networks and images; what is given replaces a part of them. */
export function aConfig(changes: Partial<Config> = {}): Config {
  return {
    dataFolder: '/nowhere',
    http: { port: 8080, deliveryPort: 8081, streams: 64 },
    api: { listen: { kind: 'addresses', addresses: [] }, port: 8443, names: [] },
    bootProgramFolders: [],
    bootFiles: new Map(),
    networks: [],
    approve: { kind: 'these', macs: new Set() },
    sightings: { keep: 2_000 },
    images: [],
    imageSync: {
      images: [],
      versions: 1,
      downloads: 3,
      rateBytes: undefined,
      proxy: { kind: 'environment' },
      mirrors: [],
      catalogueFolder: undefined,
    },
    imageStore: { keep: 2 },
    jobs: { syncImages: undefined, sweepImages: undefined },
    defaults: ram,
    machines: [],
    clusters: [],
    kubernetes: { packages: 'https://pkgs.k8s.io/core:/stable:/v{minor}/deb/', packagesKeyFile: undefined },
    events: { keepDays: 90 },
    ...changes,
  }
}

export function networkSettings(changes: Partial<NetworkSettings> = {}): NetworkSettings {
  return {
    name: 'rack',
    interface: 'eth1',
    mode: 'full',
    address: undefined,
    pool: undefined,
    router: undefined,
    dnsServers: [],
    domain: undefined,
    leaseSeconds: { firmware: 120, system: 43_200 },
    reservations: [],
    ...changes,
  }
}
