import type { Intent } from '../boot/choose-script.ts'
import type { Config, MachineSettings } from '../config/config.ts'
import { allows } from '../machines/approval.ts'
import type { Loader, Network, ProxyForm } from '../networks/network.ts'
import type { Mac } from '../wire/mac.ts'
import type { ImageShelf } from './image-shelf.ts'

/** What the settings have in mind for each machine. */
export type Plans = {
  settingsOf(mac: Mac): MachineSettings
  intentFor(mac: Mac): Intent
  /** The name a machine is to have on a network: its own entry first, then its reservation. */
  hostnameOf(network: Network, mac: Mac): string | undefined
  /** What it loads first on a network: its own entry counts before that of the network. */
  loaderOf(network: Network, mac: Mac): Loader
  /** The form of what it is told in mode `proxy`: its own entry counts before that of the network. */
  proxyOfferOf(network: Network, mac: Mac): ProxyForm
}

export function plansOf(config: Config, images: Pick<ImageShelf, 'choose'>): Plans {
  const entries = new Map(config.machines.map((entry) => [entry.mac, entry]))
  const settingsOf = (mac: Mac): MachineSettings => entries.get(mac) ?? config.defaults

  return {
    settingsOf,
    intentFor(mac) {
      const { method, image } = settingsOf(mac)
      return { approved: allows(config.approve, mac), method, image: images.choose(image) }
    },
    hostnameOf(network, mac) {
      return entries.get(mac)?.hostname ?? network.reservations.get(mac)?.hostname
    },
    loaderOf(network, mac) {
      return entries.get(mac)?.loader ?? network.loader ?? 'ipxe'
    },
    proxyOfferOf(network, mac) {
      return entries.get(mac)?.proxyOffer ?? network.proxyOffer ?? 'ladder'
    },
  }
}
