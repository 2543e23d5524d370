import type { Ipv4, Subnet } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { IdentitySetting } from './identity-settings.ts'
import type { DiskSelector } from './parse-disk-selector.ts'
import type { Taint } from './parse-taint.ts'
import type { PowerSettings } from './power-settings.ts'
import type { UpstreamBase } from './upstream-base.ts'

/** The settings of `ironwake.yaml`, checked, with every default filled in. `read-config.ts` makes it. */
export type Config = {
  /** Absolute path of the folder that holds the store. */
  readonly dataFolder: string
  readonly http: {
    readonly port: number
    readonly deliveryPort: number
    /** Kernels, initrds and images that go out at the same time; others wait for their turn. */
    readonly streams: number
  }
  readonly api: ApiSettings
  /** Folders searched for boot programs, first match wins. */
  readonly bootProgramFolders: readonly string[]
  /** What firmware of an architecture loads, before all that the box would choose; `other` where it has nothing. */
  readonly bootFiles: ReadonlyMap<number | 'other', string>
  readonly networks: readonly NetworkSettings[]
  readonly approve: ApprovalRule
  /** Records of machines that were only seen; beyond, the oldest are forgotten. */
  readonly sightings: { readonly keep: number }
  /** Folders; the images of the store need no setting. */
  readonly images: readonly ImageSettings[]
  readonly imageSync: ImageSyncSettings
  /** Versions of each synced image that are kept. */
  readonly imageStore: { readonly keep: number }
  /** When jobs run, as cron has it; absent, never. */
  readonly jobs: { readonly syncImages: string | undefined; readonly sweepImages: string | undefined }
  /** What a machine gets that has no entry of its own. With one image only, that is its image. */
  readonly defaults: MachineSettings
  /** Each with the defaults filled in; what a machine has of its own replaces the default, key by key. */
  readonly machines: readonly (MachineSettings & {
    readonly mac: Mac
    readonly hostname: string | undefined
    /** Counts before that of the network. */
    readonly loader?: Loader
    /** Counts before that of the network. */
    readonly proxyOffer?: ProxyForm
    /** What stands in its entry, without the defaults; a rule that approves it has a say between the two. */
    readonly own?: Partial<MachineSettings>
    /** How it is switched on and off; absent, it can only be woken. */
    readonly power?: PowerSettings
  })[]
  /** What is asked of machines that are to join a cluster; those not listed ask for nothing. */
  readonly clusters: readonly ClusterSettings[]
  readonly kubernetes: {
    /** The repository of its packages; `{minor}` stands for `1.36` and the like. */
    readonly packages: string
    /** Absolute path of the key that signs them; absent, that of pkgs.k8s.io signs. */
    readonly packagesKeyFile: string | undefined
  }
  readonly events: { readonly keepDays: number }
}

/** Where the API is reached over the network, by HTTPS. */
export type ApiSettings = {
  readonly listen: ApiListening
  readonly port: number
  /** Names by which the box is reached, beside its own. */
  readonly names: readonly string[]
}

/** `networks`: at the address of the box on each network that it serves. No address at all: only by the socket file. */
export type ApiListening =
  { readonly kind: 'networks' } | { readonly kind: 'addresses'; readonly addresses: readonly Ipv4[] }

export type NetworkSettings = {
  readonly name: string
  readonly interface: string
  readonly mode: 'observe' | 'proxy' | 'full'
  /** The address of the box there; absent, the interface's first IPv4 address is taken. */
  readonly address: Ipv4 | undefined
  /** Given as `address: 10.0.0.1/24`; absent, the interface's own prefix counts. */
  readonly prefixLength?: number
  /** The subnet behind a relay whose packets come in at the interface; absent, the network is that of the interface. */
  readonly relayed?: Subnet
  /** In mode `full`: give addresses also where another DHCP server answers. */
  readonly authoritative?: boolean
  /** In mode `full`: whether somebody is looked for at an address before it is offered; absent, so it is. */
  readonly probe?: boolean
  readonly pool: { readonly first: Ipv4; readonly last: Ipv4 } | undefined
  readonly router: Ipv4 | undefined
  readonly dnsServers: readonly Ipv4[]
  readonly domain: string | undefined
  readonly leaseSeconds: { readonly firmware: number; readonly system: number }
  /** What UEFI machines load first; absent, iPXE. */
  readonly loader?: Loader
  /** In mode `proxy`: the form of what machines are told; absent, the ladder. */
  readonly proxyOffer?: ProxyForm
  /** What images may take of the interface (bits per second on the wire); absent, all of it. */
  readonly link?: number
  /** The least tier of identity by which machines of this network may enrol and join a cluster; absent, `mac`. */
  readonly identity?: IdentitySetting
  readonly reservations: readonly {
    readonly mac: Mac
    readonly address: Ipv4
    readonly hostname: string | undefined
  }[]
}

/** A rule a person wrote: every machine, or those with one of these MACs, and those that are like what is written. */
export type ApprovalRule =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'these'
      readonly macs: ReadonlySet<Mac>
      readonly likenesses?: readonly LikenessSettings[]
    }

/** All that stands here must be true of a machine, each by one of several. */
export type LikenessSettings = {
  /** As a person wrote it. */
  readonly text: string
  readonly macs?: ReadonlySet<Mac>
  /** With `*` for any letters. */
  readonly serials?: readonly string[]
  readonly manufacturers?: readonly string[]
  readonly products?: readonly string[]
  /** What the machine is to have, before the defaults. */
  readonly gives: RuleGives
}

type RuleGives = { readonly method?: DeployMethod; readonly image?: string } & Pick<
  MachineSettings,
  'disk' | 'wipe' | 'cluster' | 'role' | 'labels' | 'taints' | 'zone'
>

/** The least tier of identity by which a machine may enrol for this cluster and join it; absent, `mac`. */
export type ClusterSettings = { readonly name: string; readonly identity?: IdentitySetting }

/** A folder with `vmlinuz`, `initrd` and `squashfs`. */
export type ImageSettings = { readonly name: string; readonly folder: string }

/** Images that are fetched from upstreams, and how. */
export type ImageSyncSettings = {
  /** Names of the catalogue; `*` stands for every long-term release, or every architecture. */
  readonly images: readonly string[]
  /** How many of the newest versions of each are fetched. */
  readonly versions: number
  /** Downloads at the same time. */
  readonly downloads: number
  /** Of all downloads together, in a second; absent, there is no limit. */
  readonly rateBytes: number | undefined
  readonly proxy: ProxySettings
  /** Who is asked in place of an upstream of the catalogue. */
  readonly mirrors: readonly {
    readonly of: string
    readonly base: UpstreamBase
    readonly files: UpstreamBase
    /** Absolute path; absent, the mirror has what the upstream signed. */
    readonly keyring: string | undefined
  }[]
  /** Absolute path of a folder with more files of the catalogue. */
  readonly catalogueFolder: string | undefined
}

/** `environment`: as the variables `http_proxy`, `https_proxy` and `no_proxy` say. */
export type ProxySettings =
  | { readonly kind: 'environment' }
  | { readonly kind: 'none' }
  | { readonly kind: 'proxy'; readonly url: string; readonly except: readonly string[] }

/**
 * `ram`: the image is the node, nothing is written. `disk`: the image is written to the machine's own disk, once. `autoinstall`:
 * the distribution's installer, in the image, writes the disk, once. `local`: the machine's own disk is booted, nothing is served.
 */
export type DeployMethod = 'ram' | 'disk' | 'autoinstall' | 'local'

/** `ipxe`: iPXE. For Secure Boot `shim-grub`: the distribution's signed shim and GRUB; `shim-ipxe`: those of iPXE 2. */
export type Loader = 'ipxe' | 'shim-grub' | 'shim-ipxe'

/** `ladder`: one form after another until one works; else the form that is always used. */
export type ProxyForm = 'ladder' | 'with-43' | 'without-43' | 'boot-server'

export type MachineSettings = {
  readonly method: DeployMethod
  /** A folder of `images`, or an image of the store. */
  readonly image: string | undefined
  readonly kernelParameters: readonly string[]
  readonly sshAuthorizedKeys: readonly string[]
  /** With `disk`: the image that runs in memory and writes the disk; absent, the only folder of `images`. */
  readonly ephemeral?: string
  /** With `disk` and `autoinstall`: which disk is written; absent, the only one there is. */
  readonly disk?: DiskSelector
  /** With `disk` and `autoinstall`: whether a disk that holds data may be written; absent, it may not. */
  readonly wipe?: boolean
  /** The cluster that it is to become a node of; absent, of none, unless its approval says one. */
  readonly cluster?: string
  /** What it is to be there; absent, a worker. */
  readonly role?: 'control-plane' | 'worker'
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly Taint[]
  /** Its `topology.kubernetes.io/zone`. */
  readonly zone?: string
}
