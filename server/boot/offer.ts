import { optionCodes, ipxeCodes } from '../dhcp/option-codes.ts'
import type { DhcpMessage, DhcpOptions } from '../dhcp/message.ts'
import {
  addressValue,
  addressesValue,
  closedSubOptionsValue,
  secondsValue,
  subOptionsValue,
  textValue,
  textWithNulValue,
  u8Value,
} from '../dhcp/option-values.ts'
import { replyTo, type ReplyType } from '../dhcp/reply-to.ts'
import type { Network } from '../networks/network.ts'
import { broadcastOf, netmaskOf, type Ipv4 } from '../wire/ipv4.ts'
import type { BootDecision } from './decide.ts'
import { raspberryPiMenu } from './raspberry-pi-menu.ts'

/** The address part of a reply; INFORM has none. */
export type Granted = {
  readonly address: Ipv4
  readonly seconds: number
  readonly hostname: string | undefined
}

/** The reply that grants an address and tells what to load (boot facts §1.5 A). */
export function offer(
  request: DhcpMessage,
  type: ReplyType,
  network: Network,
  granted: Granted | undefined,
  decision: BootDecision,
): DhcpMessage {
  const base = replyTo(request, type, network.serverAddress)
  const options = new Map<number, Uint8Array>(base.options)
  if (granted !== undefined) addLease(options, granted)
  addNetwork(options, network)
  const reply: DhcpMessage = {
    ...base,
    options,
    ...(granted === undefined ? {} : { yiaddr: granted.address }),
  }
  return withBoot(reply, options, network, decision)
}

/** The reply that refuses an address, with the reason for the client's log (RFC 2131 §4.3.2, option 56). */
export function refusal(request: DhcpMessage, network: Network, because: string): DhcpMessage {
  const base = replyTo(request, 'nak', network.serverAddress)
  return {
    ...base,
    options: new Map(base.options).set(optionCodes.errorMessage, textValue(because.slice(0, 200))),
  }
}

function addLease(options: Map<number, Uint8Array>, granted: Granted): void {
  options.set(optionCodes.leaseTime, secondsValue(granted.seconds))
  // The defaults of RFC 2131 §4.4.5, told because some clients compute them wrongly.
  options.set(optionCodes.renewalTime, secondsValue(Math.floor(granted.seconds * 0.5)))
  options.set(optionCodes.rebindingTime, secondsValue(Math.floor(granted.seconds * 0.875)))
  if (granted.hostname !== undefined) options.set(optionCodes.hostname, textValue(granted.hostname))
}

function addNetwork(options: Map<number, Uint8Array>, network: Network): void {
  options.set(optionCodes.subnetMask, addressValue(netmaskOf(network.subnet)))
  options.set(optionCodes.broadcastAddress, addressValue(broadcastOf(network.subnet)))
  if (network.router !== undefined) options.set(optionCodes.router, addressValue(network.router))
  if (network.dnsServers.length > 0) options.set(optionCodes.dnsServers, addressesValue(network.dnsServers))
  if (network.domain !== undefined) options.set(optionCodes.domain, textValue(network.domain))
}

/** Both the header fields and the options are filled: U-Boot reads only the former, some firmware only the latter. */
function withBoot(
  reply: DhcpMessage,
  options: Map<number, Uint8Array> & DhcpOptions,
  network: Network,
  decision: BootDecision,
): DhcpMessage {
  const server = network.serverAddress
  switch (decision.kind) {
    case 'address-only':
      return reply
    case 'load-program':
      // Option 60 stays out: EDK2 would take the reply for a boot server's and ask on port 4011.
      options.set(optionCodes.tftpServerName, textValue(server))
      options.set(optionCodes.bootFile, textWithNulValue(decision.file))
      if (decision.vendorOptions === 'raspberry-pi') {
        options.set(optionCodes.vendorEncapsulated, closedSubOptionsValue(raspberryPiMenu()))
      }
      return { ...reply, siaddr: server, sname: server, file: decision.file }
    case 'http-boot':
      // EDK2 takes an offer for HTTP boot by exactly this vendor class (HttpBootDhcp4.c).
      options.set(optionCodes.vendorClass, textValue('HTTPClient'))
      options.set(optionCodes.bootFile, textValue(decision.url))
      return { ...reply, siaddr: server, file: decision.url }
    case 'run-script':
      options.set(optionCodes.bootFile, textWithNulValue(decision.url))
      // Saves the two seconds in which iPXE waits for a ProxyDHCP server.
      options.set(optionCodes.ipxe, subOptionsValue([[ipxeCodes.noProxyDhcp, u8Value(1)]]))
      return { ...reply, siaddr: server, sname: server, file: decision.url }
  }
}
