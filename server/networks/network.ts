import type { Ipv4, Subnet } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'

/**
 * `observe` answers nobody and reports what it would do; `full` owns the addresses of the network; `proxy` tells machines
 * what to boot and leaves the addresses to another server.
 */
export type NetworkMode = 'observe' | 'proxy' | 'full'

/**
 * What UEFI machines load first: iPXE; the distribution's signed shim and GRUB; or the signed shim of iPXE and the signed
 * iPXE. Signed loaders start with Secure Boot enforced. BIOS machines load iPXE whichever it is.
 */
export type Loader = 'ipxe' | 'shim-grub' | 'shim-ipxe'

/**
 * The form of what a machine is told in mode `proxy`: one that is fixed, or the ladder, which tries one after another and
 * keeps to the one that works.
 */
export type ProxyForm = 'ladder' | 'with-43' | 'without-43' | 'boot-server'

/** One network the box stands in, as the settings and the interface together give it. */
export type Network = {
  readonly name: string
  readonly interface: string
  readonly mode: NetworkMode
  /** The address of this box there: server identifier, TFTP server and HTTP host. */
  readonly serverAddress: Ipv4
  readonly subnet: Subnet
  /** Further addresses that this box has in the subnet; no probe of its own would find them. */
  readonly alsoOurs?: readonly Ipv4[]
  readonly pool: Pool | undefined
  readonly reservations: ReadonlyMap<Mac, Reservation>
  readonly router: Ipv4 | undefined
  readonly dnsServers: readonly Ipv4[]
  readonly domain: string | undefined
  readonly leaseSeconds: LeaseTimes
  /** Whether a relay brings what its clients send; the box has no address in the subnet. */
  readonly relayed?: boolean
  /** Whether addresses are given also where another server gives some. */
  readonly authoritative?: boolean
  /** Whether somebody is looked for at an address before it is offered (ARP). */
  readonly probes?: boolean
  /** Absent: iPXE. */
  readonly loader?: Loader
  /** Absent: the ladder. */
  readonly proxyOffer?: ProxyForm
}

/** First and last address that may be given out, both included. */
export type Pool = { readonly first: Ipv4; readonly last: Ipv4 }

export type Reservation = { readonly address: Ipv4; readonly hostname: string | undefined }

/**
 * How long a lease lasts. Firmware is gone after a minute or two and often comes back under another client
 * identifier, so its leases are short; systems keep theirs.
 */
export type LeaseTimes = { readonly firmware: number; readonly system: number }
