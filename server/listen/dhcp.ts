import type { Incoming, Outgoing } from '../boot/answer.ts'
import type { Network } from '../networks/network.ts'
import { noAddress } from '../wire/ipv4.ts'
import { openUdp, type Datagram } from './udp-socket.ts'

/** What a DHCP port does with the datagrams of one moment. It gives them all at once, so that one commit serves them. */
export type DhcpDesk = (incoming: readonly Incoming[], send: (outgoing: Outgoing) => void) => void

const dhcpServerPort = 67
/** Room for the burst of a whole rack that was switched on: some 10,000 datagrams. */
const receiveBufferBytes = 8 * 1024 * 1024

/** Listens for DHCP on the interface of a network, and on no other. */
export function listenDhcp(network: Network, desk: DhcpDesk, now: () => number): AsyncDisposable {
  const socket = openUdp(
    {
      address: noAddress,
      port: dhcpServerPort,
      interface: network.interface,
      source: network.serverAddress,
      broadcast: true,
      reuseAddress: true,
      receiveBufferBytes,
    },
    (datagrams) => desk(datagrams.map(incomingOf), send),
  )
  return socket

  function incomingOf({ bytes, from }: Datagram): Incoming {
    return { bytes, from, port: dhcpServerPort, network, at: now() }
  }

  function send({ bytes, to }: Outgoing): void {
    // A client that cannot be reached asks again; the socket counts what did not leave.
    void socket.send(bytes, to)
  }
}
