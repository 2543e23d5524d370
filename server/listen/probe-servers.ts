import { probeMessage, serverShown, type ForeignServer, type Probe } from '../boot/server-probe.ts'
import { ports } from '../dhcp/destination.ts'
import type { Network } from '../networks/network.ts'
import { everyone, noAddress } from '../wire/ipv4.ts'
import { openUdp } from './udp-socket.ts'

/** When the question goes out, in milliseconds: again for a server that was busy, or a switch port that was not yet open. */
const sentAtMs = [0, 2_000, 4_000]

/**
 * Asks for the other DHCP servers of a network, until its scope is left. Each server is told once. Throws
 * `UdpUnavailable` where the port of DHCP clients cannot be shared.
 */
export function probeServers(
  network: Network,
  probe: Probe,
  found: (server: ForeignServer) => void,
): AsyncDisposable {
  const seen = new Set<string>()
  const socket = openUdp(
    {
      address: noAddress,
      port: ports.client,
      interface: network.interface,
      source: network.serverAddress,
      broadcast: true,
      reuseAddress: true,
    },
    (datagrams) => {
      for (const { bytes, from } of datagrams) {
        const shown = serverShown({ bytes, from: from.address }, probe, network.serverAddress)
        if (shown === undefined || seen.has(shown.server) || seen.size >= mostServers) continue
        seen.add(shown.server)
        found(shown)
      }
    },
  )
  const question = probeMessage(probe)
  const send = (): void => void socket.send(question, { address: everyone, port: ports.server })
  const timers = sentAtMs.slice(1).map((delay) => setTimeout(send, delay))
  send()
  return {
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer)
      await socket[Symbol.asyncDispose]()
    },
  }
}

/** Whoever makes up more servers than a network has must not fill the log. */
const mostServers = 16
