import { isInstalling, type ImageChoice, type Intent } from '../boot/choose-script.ts'
import type { Config, MachineSettings } from '../config/config.ts'
import { parseDiskSelector } from '../config/parse-disk-selector.ts'
import { likenessOf, type Likeness } from '../machines/approval-rule.ts'
import { standingOf, whySpent, type Approval, type Standing } from '../machines/approval.ts'
import type { DiskSelector } from '../machines/disk-selector.ts'
import { whyTooWeak, type IdentityPolicy } from '../machines/identity-policy.ts'
import type { Evidence } from '../machines/identity-tier.ts'
import { joinInWords, joinWishOf, type JoinWish } from '../machines/join-wish.ts'
import type { Machine } from '../machines/machine.ts'
import { memoryForIso } from '../machines/memory-for-iso.ts'
import type { Loader, Network, ProxyForm } from '../networks/network.ts'
import type { Mac } from '../wire/mac.ts'
import type { ImageShelf } from './image-shelf.ts'

/** What the settings, and the persons who approve, have in mind for each machine. */
export type Plans = {
  settingsOf(mac: Mac): MachineSettings
  /** How the machine stands that asks by a card; `clash` says what of it points to another record. */
  standingOf(mac: Mac, machine: Machine | undefined, clash?: string): Standing
  intentFor(mac: Mac, machine: Machine | undefined, clash?: string): Intent
  /** The cluster that the machine is to become a node of which asks by a card; none while it is not approved. */
  joinOf(mac: Mac, machine: Machine | undefined, clash?: string): JoinWish | undefined
  /**
   * Why the machine may neither enrol nor join the cluster that it is for; nothing where it is known well enough, or is for none.
   * Its latest boot from the network counts, unless another is asked about.
   */
  whyTooWeak(mac: Mac, machine: Machine, evidence?: Evidence): string | undefined
  /** The disk that is to have its system, in the words of whoever names it; none where nothing is to be written. */
  diskWishOf(mac: Mac, machine: Machine | undefined): string | undefined
  /** The name a machine is to have on a network: what it was approved with, then its own entry, then its reservation. */
  hostnameOf(network: Network | undefined, mac: Mac, machine: Machine | undefined): string | undefined
  /** What it is to have when it asks by a card, each with where that is said, in words. */
  wishesFor(
    network: Network | undefined,
    mac: Mac,
    machine: Machine | undefined,
    clash?: string,
  ): readonly string[]
  /** The card of another machine for which the settings have this name. */
  namesakeOf(hostname: string, macs: readonly Mac[]): Mac | undefined
  /** What it loads first on a network: its own entry counts before that of the network. */
  loaderOf(network: Network, mac: Mac): Loader
  /** The form of what it is told in mode `proxy`: its own entry counts before that of the network. */
  proxyOfferOf(network: Network, mac: Mac): ProxyForm
}

export function plansOf(
  config: Config,
  images: Pick<ImageShelf, 'choose' | 'chooseDisk' | 'chooseInstaller' | 'isoBytes'>,
): Plans {
  const entries = new Map(config.machines.map((entry) => [entry.mac, entry]))
  const settingsOf = (mac: Mac): MachineSettings => entries.get(mac) ?? config.defaults
  const standing = (mac: Mac, machine: Machine | undefined, clash?: string): Standing =>
    standingOf(machine?.approval, mac, config.approve, clash, machine)
  const named = [...config.machines, ...config.networks.flatMap((network) => network.reservations)]

  /** What the settings say of a machine: its entry, then the rule that it falls under, then the defaults. */
  const settingsFor = (mac: Mac, machine: Machine | undefined, clash: string | undefined): Said => {
    const entry = entries.get(mac)
    const likeness = likenessOf(config.approve, mac, clash === undefined ? machine : undefined)
    if (likeness === undefined) return { settings: entry ?? config.defaults, likeness }
    return { settings: { ...config.defaults, ...likeness.gives, ...own(entry) }, likeness }
  }

  const diskOf = (
    approval: Approval | undefined,
    settings: MachineSettings,
    image: ImageChoice,
  ): NonNullable<Intent['disk']> => {
    const wanted = selectorOf(approval, settings)
    const wipe = mayWipe(approval, settings) ? 'allowed' : 'forbidden'
    if (wanted.kind === 'refused') {
      return { image: { kind: 'none', because: wanted.because }, selector: undefined, by: 'approval', wipe }
    }
    return { image, selector: wanted.selector, by: wanted.by, wipe }
  }

  const joinOf: Plans['joinOf'] = (mac, machine, clash) => {
    const stands = standing(mac, machine, clash)
    if (stands.kind === 'waits') return undefined
    const approval = wishesOf(stands)
    const { settings, likeness } = settingsFor(mac, machine, clash)
    // No system of this box runs on a machine that boots what its disk has already.
    if ((approval?.method ?? settings.method) === 'local') return undefined
    return joinWishOf(approval, own(entries.get(mac)), likeness?.gives, config.defaults)
  }

  const policy = policyOf(config)
  const tooWeak: Plans['whyTooWeak'] = (mac, machine, evidence) => {
    const cluster = joinOf(mac, machine)?.cluster
    return cluster === undefined ? undefined : whyTooWeak(policy, machine, cluster, evidence)
  }

  /** What boots, and what comes onto the disk. */
  const imagesOf = (
    method: Intent['method'],
    approval: Approval | undefined,
    settings: MachineSettings,
    image: string | undefined,
  ): Pick<Intent, 'image' | 'disk'> => {
    switch (method) {
      case 'ram':
      case 'local':
        return { image: images.choose(image) }
      case 'disk':
        return {
          image: images.choose(settings.ephemeral),
          disk: diskOf(approval, settings, images.chooseDisk(image)),
        }
      case 'autoinstall': {
        const installer = images.chooseInstaller(image)
        return { image: installer, disk: diskOf(approval, settings, installer) }
      }
    }
  }

  const memoryInWords = (image: string | undefined): string => {
    const installer = images.chooseInstaller(image)
    const bytes = installer.kind === 'image' ? images.isoBytes(installer.name) : undefined
    return bytes === undefined
      ? ''
      : `; the machine needs ${inGib(memoryForIso(bytes))} of memory for the ISO`
  }

  return {
    settingsOf,
    standingOf: standing,
    intentFor(mac, machine, clash) {
      const stands = standing(mac, machine, clash)
      const approval = wishesOf(stands)
      const { settings } = settingsFor(mac, machine, clash)
      const spent = approval === undefined ? undefined : whySpent(approval)
      const method = approval?.method ?? settings.method
      const image = approval?.image ?? settings.image
      const weak = machine === undefined || stands.kind === 'waits' ? undefined : tooWeak(mac, machine)
      return {
        approved: stands.kind === 'approved',
        method,
        ...imagesOf(method, approval, settings, image),
        ...(stands.kind === 'waits' && stands.because !== undefined ? { because: stands.because } : {}),
        ...(spent === undefined ? {} : { spent }),
        ...(weak === undefined ? {} : { tooWeak: weak }),
      }
    },
    joinOf,
    whyTooWeak: tooWeak,
    diskWishOf(mac, machine) {
      const stands = standing(mac, machine)
      const approval = wishesOf(stands)
      const { settings } = settingsFor(mac, machine, undefined)
      const isWritten = isInstalling({ method: approval?.method ?? settings.method })
      if (stands.kind === 'waits' || !isWritten) return undefined
      return approval?.disk ?? settings.disk?.text ?? 'the only one'
    },
    hostnameOf(network, mac, machine) {
      const approved = wishesOf(standing(mac, machine))?.hostname
      if (approved !== undefined || network === undefined) return approved
      return entries.get(mac)?.hostname ?? network.reservations.get(mac)?.hostname
    },
    wishesFor(network, mac, machine, clash) {
      const approval = wishesOf(standing(mac, machine, clash))
      const { settings, likeness } = settingsFor(mac, machine, clash)
      const entry = entries.get(mac)
      const by = (key: keyof MachineSettings & keyof Approval): string => {
        if (approval?.[key] !== undefined) return 'by its approval'
        if (likeness?.gives[key] !== undefined && own(entry)?.[key] === undefined) {
          return `by the rule for ${likeness.text}`
        }
        return entry === undefined
          ? 'by the defaults of the settings'
          : 'by its entry under machines, or the defaults'
      }
      const method = approval?.method ?? settings.method
      const image = approval?.image ?? settings.image ?? 'the only one of the settings'
      const join = joinOf(mac, machine, clash)
      return [
        `method ${method}, ${by('method')}`,
        `image ${image}, ${by('image')}`,
        `name ${nameWithSource(approval?.hostname, entry?.hostname, network?.reservations.get(mac)?.hostname)}`,
        ...(method === 'disk'
          ? [
              `written to ${diskInWords(approval, settings)}, by ${settings.ephemeral ?? 'no image'} in memory`,
            ]
          : []),
        ...(method === 'autoinstall'
          ? [
              `installed by Ubuntu's installer on ${diskInWords(approval, settings)}${memoryInWords(approval?.image ?? settings.image)}`,
            ]
          : []),
        ...(approval?.once === true ? ['one run of its image, by its approval'] : []),
        ...(join === undefined ? [] : [`${joinInWords(join)}, ${by('cluster')}`]),
      ]
    },
    namesakeOf: (hostname, macs) =>
      named.find((one) => one.hostname === hostname && !macs.includes(one.mac))?.mac,
    loaderOf(network, mac) {
      return entries.get(mac)?.loader ?? network.loader ?? 'ipxe'
    },
    proxyOfferOf(network, mac) {
      return entries.get(mac)?.proxyOffer ?? network.proxyOffer ?? 'ladder'
    },
  }
}

function policyOf({ networks, clusters }: Config): IdentityPolicy {
  return {
    networks: new Map(networks.map(({ name, identity }) => [name, identity ?? 'mac'])),
    clusters: new Map(clusters.map(({ name, identity }) => [name, identity ?? 'mac'])),
  }
}

/** What a person said with an approval counts before the settings. */
function wishesOf(standing: Standing): Approval | undefined {
  return standing.kind === 'approved' && standing.by === 'person' ? standing.approval : undefined
}

/** The name, of the first who has one for it. */
function nameWithSource(
  approved: string | undefined,
  entry: string | undefined,
  reserved: string | undefined,
): string {
  if (approved !== undefined) return `${approved}, by its approval`
  if (entry !== undefined) return `${entry}, by its entry under machines`
  return reserved === undefined ? 'made of its MAC address' : `${reserved}, by its reservation`
}

type Said = { readonly settings: MachineSettings; readonly likeness: Likeness | undefined }

type Entry = Config['machines'][number]

/** What stands in an entry itself; of one that does not say, all that it has. */
function own(entry: Entry | undefined): Partial<MachineSettings> | undefined {
  return entry?.own ?? entry
}

function selectorOf(
  approval: Approval | undefined,
  settings: MachineSettings,
):
  | {
      readonly kind: 'selector'
      readonly selector: DiskSelector | undefined
      readonly by: 'approval' | 'settings'
    }
  | { readonly kind: 'refused'; readonly because: string } {
  if (approval?.disk === undefined) return { kind: 'selector', selector: settings.disk, by: 'settings' }
  const read = parseDiskSelector(approval.disk)
  if (read.kind === 'selector') return { kind: 'selector', selector: read.selector, by: 'approval' }
  return {
    kind: 'refused',
    because: `the disk ${approval.disk} of its approval cannot be read: ${read.because}`,
  }
}

/** That a person lets data go is for one install; that a person does not, is for all. */
function mayWipe(approval: Approval | undefined, settings: MachineSettings): boolean {
  if (approval?.wipe === false) return false
  if (approval?.wipe === true && approval.doneAt === undefined) return true
  return settings.wipe === true
}

function diskInWords(approval: Approval | undefined, settings: MachineSettings): string {
  const data = mayWipe(approval, settings) ? 'whatever it holds' : 'if it holds no data'
  const disk = approval?.disk ?? settings.disk?.text
  return `${disk === undefined ? 'the only disk' : `the disk ${disk}`}, ${data}`
}

function inGib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}
