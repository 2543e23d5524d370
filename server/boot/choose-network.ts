import type { DhcpMessage } from '../dhcp/message.ts'
import { linkSelectionOf, subnetSelectionOf } from '../dhcp/options.ts'
import type { Network } from '../networks/network.ts'
import { contains, noAddress, type Ipv4 } from '../wire/ipv4.ts'

export type ChosenNetwork =
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'none'; readonly because: string }

/**
 * The network a message comes from, among those that are reached over one interface: the wire itself, and what lies behind
 * relays. A relay that is neither known nor the sender is not believed: its answer would go wherever a forger wants it.
 */
export function chooseNetwork(message: DhcpMessage, from: Ipv4, here: readonly Network[]): ChosenNetwork {
  const { giaddr, ciaddr } = message
  const containing = (address: Ipv4) => here.find(({ subnet }) => contains(subnet, address))
  if (giaddr !== noAddress) {
    if (giaddr !== from && containing(giaddr) === undefined) return unknownRelay(giaddr)
    // RFC 3527 §3.2 over RFC 3011 §2 over giaddr.
    const selected = linkSelectionOf(message) ?? subnetSelectionOf(message)
    const network = containing(selected ?? giaddr)
    if (network !== undefined) return { kind: 'network', network }
    if (selected === undefined) return unknownRelay(giaddr)
    return none(
      `the relay ${giaddr} asks for an address in ${selected}, which is in no network of the settings`,
    )
  }
  // Who renews comes by itself, over a router, and not through the relay (RFC 2131 §4.3.6).
  const routed = ciaddr === noAddress ? undefined : containing(ciaddr)
  const network = routed ?? here.find(({ relayed }) => relayed !== true)
  if (network !== undefined) return { kind: 'network', network }
  return none('it comes from no relay, and only networks behind relays are served on this interface')
}

function unknownRelay(giaddr: Ipv4): ChosenNetwork {
  return none(`the relay ${giaddr} stands in no network of the settings`)
}

function none(because: string): ChosenNetwork {
  return { kind: 'none', because }
}
