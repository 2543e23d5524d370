import type { ImageChoice, Intent } from '../boot/choose-script.ts'
import type { Config, MachineSettings } from '../config/config.ts'
import { standingOf, whySpent, type Approval, type Standing } from '../machines/approval.ts'
import { joinWishOf, type JoinWish } from '../machines/join-wish.ts'
import type { DiskSelector } from '../machines/disk-selector.ts'
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
    standingOf(machine?.approval, mac, config.approve, clash)
  const named = [...config.machines, ...config.networks.flatMap((network) => network.reservations)]

  const diskOf = ({ disk, wipe }: MachineSettings, image: ImageChoice): NonNullable<Intent['disk']> => ({
    image,
    selector: disk,
    wipe: wipe === true ? 'allowed' : 'forbidden',
  })

  /** What boots, and what comes onto the disk. */
  const imagesOf = (
    method: Intent['method'],
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
          disk: diskOf(settings, images.chooseDisk(image)),
        }
      case 'autoinstall': {
        const installer = images.chooseInstaller(image)
        return { image: installer, disk: diskOf(settings, installer) }
      }
    }
  }

  const installerInWords = (settings: MachineSettings, image: string | undefined): string => {
    const { disk, wipe } = settings
    const installer = images.chooseInstaller(image)
    const bytes = installer.kind === 'image' ? images.isoBytes(installer.name) : undefined
    const memory =
      bytes === undefined ? '' : `; the machine needs ${inGib(memoryForIso(bytes))} of memory for the ISO`
    return `installed by Ubuntu's installer on ${whichDisk(disk, wipe)}${memory}`
  }

  return {
    settingsOf,
    standingOf: standing,
    intentFor(mac, machine, clash) {
      const stands = standing(mac, machine, clash)
      const approval = wishesOf(stands)
      const settings = settingsOf(mac)
      const spent = approval === undefined ? undefined : whySpent(approval)
      const method = approval?.method ?? settings.method
      const image = approval?.image ?? settings.image
      return {
        approved: stands.kind === 'approved',
        method,
        ...imagesOf(method, settings, image),
        ...(stands.kind === 'waits' && stands.because !== undefined ? { because: stands.because } : {}),
        ...(spent === undefined ? {} : { spent }),
      }
    },
    joinOf(mac, machine, clash) {
      const stands = standing(mac, machine, clash)
      if (stands.kind === 'waits') return undefined
      const settings = settingsOf(mac)
      // No system of this box runs on a machine that boots what its disk has already.
      if ((wishesOf(stands)?.method ?? settings.method) === 'local') return undefined
      return joinWishOf(settings)
    },
    hostnameOf(network, mac, machine) {
      const approved = wishesOf(standing(mac, machine))?.hostname
      if (approved !== undefined || network === undefined) return approved
      return entries.get(mac)?.hostname ?? network.reservations.get(mac)?.hostname
    },
    wishesFor(network, mac, machine, clash) {
      const approval = wishesOf(standing(mac, machine, clash))
      const settings = settingsOf(mac)
      const entry = entries.get(mac)
      const bySettings =
        entry === undefined
          ? 'by the defaults of the settings'
          : 'by its entry under machines, or the defaults'
      const by = (wish: unknown) => (wish === undefined ? bySettings : 'by its approval')
      const image = approval?.image ?? settings.image ?? 'the only one of the settings'
      return [
        `method ${approval?.method ?? settings.method}, ${by(approval?.method)}`,
        `image ${image}, ${by(approval?.image)}`,
        `name ${nameWithSource(approval?.hostname, entry?.hostname, network?.reservations.get(mac)?.hostname)}`,
        ...((approval?.method ?? settings.method) === 'disk' ? [diskInWords(settings)] : []),
        ...((approval?.method ?? settings.method) === 'autoinstall'
          ? [installerInWords(settings, approval?.image ?? settings.image)]
          : []),
        ...(approval?.once === true ? ['one run of its image, by its approval'] : []),
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

function diskInWords({ ephemeral, disk, wipe }: MachineSettings): string {
  return `written to ${whichDisk(disk, wipe)}, by ${ephemeral ?? 'no image'} in memory`
}

function whichDisk(disk: DiskSelector | undefined, wipe: boolean | undefined): string {
  const data = wipe === true ? 'whatever it holds' : 'if it holds no data'
  return `${disk === undefined ? 'the only disk' : `the disk ${disk.text}`}, ${data}`
}

function inGib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}
