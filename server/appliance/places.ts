import type { Arrival } from '../http/outcome.ts'
import type { DhcpPlace } from '../listen/dhcp.ts'
import type { Network } from '../networks/network.ts'
import { contains, parseIpv4 } from '../wire/ipv4.ts'

/** The networks by interface. What lies behind relays is answered from the address of the network they stand in. */
export function placesOf(networks: readonly Network[]): readonly DhcpPlace[] {
  const interfaces = new Set(networks.map((network) => network.interface))
  return [...interfaces].flatMap((name) => {
    const here = networks.filter((network) => network.interface === name)
    const network = here.find(({ relayed }) => relayed !== true) ?? here[0]
    if (network === undefined) return []
    const { serverAddress } = network
    const behind = here.filter((one) => one !== network).map((one) => ({ ...one, serverAddress }))
    return [{ network, behind }]
  })
}

/** Whether anything is told to machines there. */
export function isServed({ network, behind }: DhcpPlace): boolean {
  return [network, ...behind].some(({ mode }) => mode !== 'observe')
}

/** The network of who makes a request: that of the sender's address, or else that of the box's. */
export function networkOfRequest(networks: readonly Network[], { from, to }: Arrival): Network | undefined {
  const here = networks.filter(({ serverAddress }) => serverAddress === to)
  const sender = parseIpv4(from)
  const own = sender === undefined ? undefined : here.find(({ subnet }) => contains(subnet, sender))
  return own ?? here.find(({ relayed }) => relayed !== true) ?? here[0]
}
