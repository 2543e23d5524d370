import type { Incoming, Outgoing } from '../boot/answer.ts'
import type { Network } from '../networks/network.ts'
import { ports } from '../dhcp/destination.ts'
import { noAddress } from '../wire/ipv4.ts'
import { openUdp, type Datagram } from './udp-socket.ts'

/** What a DHCP port does with the datagrams of one moment. It gives them all at once, so that one commit serves them. */
export type DhcpDesk = (incoming: readonly Incoming[], send: (outgoing: Outgoing) => void) => void

/** A network, and those that are reached over the same interface through relays. */
export type DhcpPlace = { readonly network: Network; readonly behind: readonly Network[] }

/** Room for the burst of a whole rack that was switched on: some 10,000 datagrams. */
const receiveBufferBytes = 8 * 1024 * 1024

/**
 * Listens for DHCP on the interface of a network, and on no other. Who leaves the addresses to another server listens as a
 * boot server, too: firmware that takes its offer for one asks again there.
 */
export function listenDhcp(at: DhcpPlace, desk: DhcpDesk, now: () => number): AsyncDisposable {
  const opened = new AsyncDisposableStack()
  try {
    opened.use(listenAt(ports.server, at, desk, now))
    const isBootServer = [at.network, ...at.behind].some(({ mode }) => mode === 'proxy')
    if (isBootServer) opened.use(listenAt(ports.bootServer, at, desk, now))
    return opened.move()
  } catch (error) {
    // What is open by now must not keep its port.
    void opened.disposeAsync()
    throw error
  }
}

function listenAt(port: number, at: DhcpPlace, desk: DhcpDesk, now: () => number): AsyncDisposable {
  const { network, behind } = at
  const socket = openUdp(
    {
      address: noAddress,
      port,
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
    return { bytes, from, port, network, behind, at: now() }
  }

  function send({ bytes, to }: Outgoing): void {
    // A client that cannot be reached asks again; the socket counts what did not leave.
    void socket.send(bytes, to)
  }
}
