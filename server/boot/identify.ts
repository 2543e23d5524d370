import { architectureOf, type Architecture } from '../dhcp/architectures.ts'
import { macOf } from '../dhcp/hardware-address.ts'
import type { DhcpMessage } from '../dhcp/message.ts'
import { ipxeCodes } from '../dhcp/option-codes.ts'
import { hostnameOf, ipxeOptionsOf, machineUuidOf, userClassesOf, vendorClassOf } from '../dhcp/options.ts'
import { isUnicastMac, type Mac } from '../wire/mac.ts'
import { printable } from '../wire/text.ts'
import type { Uuid } from '../wire/uuid.ts'

/** Who sends a DHCP message, as far as booting is concerned. */
export type BootClient = {
  readonly mac: Mac
  /**
   * `pxe` fetches a program by TFTP, `http` by HTTP, `ipxe` runs scripts; `system` is everything that does not boot from
   * the network at this moment: an installed system, an initrd, a telephone.
   */
  readonly kind: 'pxe' | 'http' | 'ipxe' | 'system'
  readonly architecture: Architecture | undefined
  readonly uuid: Uuid | undefined
  readonly vendorClass: string | undefined
  readonly hostname: string | undefined
  /** Whether an iPXE can fetch by HTTP; one that does not list its features is taken to. */
  readonly speaksHttp: boolean
}

export type Identified =
  | { readonly kind: 'client'; readonly client: BootClient }
  | { readonly kind: 'not-ours'; readonly because: string }

/** Tells the sender's kind from what it says: option 77 or 175 for iPXE, option 60 for firmware (boot facts §1.2, §1.7). */
export function identify(message: DhcpMessage): Identified {
  if (message.op !== 1) return { kind: 'not-ours', because: 'it is a reply of some server' }
  const mac = macOf(message)
  if (mac === undefined) {
    return {
      kind: 'not-ours',
      because: `hardware type ${message.htype} with ${message.hlen} bytes is not Ethernet`,
    }
  }
  if (!isUnicastMac(mac)) return { kind: 'not-ours', because: `${mac} is the address of no machine` }
  const vendorClass = vendorClassOf(message)
  const ipxe = ipxeOptionsOf(message)
  const kind = kindOf(message, vendorClass, ipxe !== undefined)
  const client: BootClient = {
    mac,
    kind,
    architecture: kind === 'system' ? undefined : architectureOf(message),
    uuid: machineUuidOf(message),
    vendorClass: vendorClass === undefined ? undefined : printable(vendorClass),
    hostname: nameIn(message),
    speaksHttp: ipxe === undefined || ipxe.size === 0 || ipxe.has(ipxeCodes.http),
  }
  return { kind: 'client', client }
}

function kindOf(
  message: DhcpMessage,
  vendorClass: string | undefined,
  hasIpxeOptions: boolean,
): BootClient['kind'] {
  if (hasIpxeOptions || userClassesOf(message).includes('iPXE')) return 'ipxe'
  // U-Boot calls itself by its own name, and loads by TFTP what it is told as other firmware does.
  if (vendorClass?.startsWith('PXEClient') === true || vendorClass?.startsWith('U-Boot') === true)
    return 'pxe'
  if (vendorClass?.startsWith('HTTPClient') === true) return 'http'
  return 'system'
}

/** A name a client gives itself; what is no host name is left out (RFC 1123 §2.1). */
function nameIn(message: DhcpMessage): string | undefined {
  const name = hostnameOf(message)
  return name !== undefined && /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/i.test(name) ? name : undefined
}

/** What the boot clients are called in events. */
export const clientNames = { pxe: 'PXE firmware', http: 'HTTP boot firmware', ipxe: 'iPXE' } as const

/** The client in words, for events. */
export function nameOfClient(client: BootClient): string {
  switch (client.kind) {
    case 'pxe':
    case 'http':
    case 'ipxe':
      return clientNames[client.kind]
    case 'system':
      return client.hostname === undefined ? 'a system' : `the system ${client.hostname}`
  }
}
