import { networkInterfaces } from 'node:os'
import type { ForeignServer, Probe } from '../boot/server-probe.ts'
import { afterReading } from '../listen/after-reading.ts'
import { probeServers } from '../listen/probe-servers.ts'
import type { Chance } from '../machines/chance.ts'
import type { Network } from '../networks/network.ts'
import { parseMac } from '../wire/mac.ts'

/**
 * How long a pool waits for the word of another server before it gives its first address. Servers that do not look first
 * whether an address is in use answer within milliseconds (decision 0013).
 */
const firstWindowMs = 1_000
/** dnsmasq answers after three seconds; the question is asked for the last time after four. */
const searchMs = 8_000
/** A person waits for it. */
const checkMs = 5_000

/** What a search comes to: `found` for each server while it goes on, `quiet` once, or `impossible` instead of both. */
export type SearchWords = {
  readonly found: (server: ForeignServer) => void
  /** The first moments have passed; who has not answered by now is slow, or not there. */
  readonly quiet: () => void
  readonly impossible: (because: string) => void
}

/** Looks for other DHCP servers on a network, without waiting for the end. Leaving its scope ends it. */
export function searchForServers(network: Network, chance: Chance, words: SearchWords): AsyncDisposable {
  const opened = new AsyncDisposableStack()
  try {
    opened.use(probeServers(network, probeOn(network, chance), words.found))
  } catch (error) {
    words.impossible(error instanceof Error ? error.message : String(error))
    return opened
  }
  opened.defer(afterReading(firstWindowMs, words.quiet))
  const last = setTimeout(() => void opened.disposeAsync(), searchMs)
  opened.defer(() => clearTimeout(last))
  return opened
}

/** All servers that answer on a network within five seconds. */
export async function serversOn(
  network: Network,
  chance: Chance,
): Promise<
  | { readonly kind: 'searched'; readonly servers: readonly ForeignServer[] }
  | { readonly kind: 'impossible'; readonly because: string }
> {
  const servers: ForeignServer[] = []
  try {
    await using probing = probeServers(network, probeOn(network, chance), (server) => servers.push(server))
    void probing
    await new Promise((resolve) => setTimeout(resolve, checkMs))
  } catch (error) {
    return { kind: 'impossible', because: error instanceof Error ? error.message : String(error) }
  }
  return { kind: 'searched', servers }
}

function probeOn(network: Network, chance: Chance): Probe {
  const addresses = networkInterfaces()[network.interface] ?? []
  const mac = parseMac(addresses.find(({ family }) => family === 'IPv4')?.mac ?? '')
  if (mac === undefined) throw new Error(`${network.interface} has no hardware address to ask from`)
  const [a = 0, b = 0, c = 0, d = 0] = chance(4)
  return { mac, xid: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 }
}
