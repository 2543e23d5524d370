import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import { requestedAddressOf, serverIdentifierOf, serverOverrideOf } from '../dhcp/options.ts'
import type { LeaseRequest } from '../networks/lease.ts'
import { noAddress, type Ipv4 } from '../wire/ipv4.ts'

export type AskedOfLeases =
  | { readonly kind: 'asked'; readonly request: LeaseRequest }
  | { readonly kind: 'nothing'; readonly because: string }

/** The address that was offered to the sender, if one is, and the server that offers. */
export type Held = { readonly offered: Ipv4 | undefined; readonly by: Ipv4 }

/** What a message asks about an address; the states of a client are told apart as in RFC 2131 §4.3.2. */
export function leaseRequestOf(message: DhcpMessage, type: MessageTypeName, held: Held): AskedOfLeases {
  const wanted = requestedAddressOf(message)
  const server = serverMeant(message, held.by)
  const inUse = message.ciaddr === noAddress ? undefined : message.ciaddr
  switch (type) {
    case 'discover':
      return asked({ kind: 'discover', wanted })
    case 'request':
      return requestOf({ wanted, server, inUse }, held)
    case 'decline': {
      const declined = wanted ?? inUse
      if (declined === undefined) return nothing('it declines no address (option 50 is missing)')
      return asked({ kind: 'decline', server, address: declined })
    }
    case 'release':
      if (inUse === undefined) return nothing('it releases no address (ciaddr is missing)')
      return asked({ kind: 'release', server, address: inUse })
    case 'inform':
      return nothing('it has an address already')
    case 'offer':
    case 'ack':
    case 'nak':
      return nothing('it is what servers send')
  }
}

type Named = {
  readonly wanted: Ipv4 | undefined
  readonly server: Ipv4 | undefined
  readonly inUse: Ipv4 | undefined
}

function requestOf({ wanted, server, inUse }: Named, held: Held): AskedOfLeases {
  if (server !== undefined) {
    // Who names a server has chosen it, also one that fills ciaddr, which RFC 2131 §4.3.2 forbids it.
    const chosen = wanted ?? inUse ?? held.offered
    if (chosen !== undefined) return asked({ kind: 'selecting', server, wanted: chosen })
  }
  if (inUse !== undefined) return asked({ kind: 'renewing', address: inUse })
  if (wanted !== undefined) return asked({ kind: 'init-reboot', wanted })
  // Against RFC 2131, table 5, some simple clients name neither address nor server; they mean what they were offered.
  if (held.offered !== undefined) return asked({ kind: 'selecting', server: held.by, wanted: held.offered })
  return nothing('it asks for no address (option 50 and ciaddr are missing)')
}

/** The server a client names. One that took a relay for its server, as the relay wanted, means this one (RFC 5107 §4). */
function serverMeant(message: DhcpMessage, ours: Ipv4): Ipv4 | undefined {
  const server = serverIdentifierOf(message)
  const relayed = message.giaddr !== noAddress
  return server !== undefined && relayed && server === serverOverrideOf(message) ? ours : server
}

function asked(request: LeaseRequest): AskedOfLeases {
  return { kind: 'asked', request }
}

function nothing(because: string): AskedOfLeases {
  return { kind: 'nothing', because }
}
