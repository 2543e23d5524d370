import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import { requestedAddressOf, serverIdentifierOf } from '../dhcp/options.ts'
import type { LeaseRequest } from '../networks/lease.ts'
import { noAddress } from '../wire/ipv4.ts'

export type AskedOfLeases =
  | { readonly kind: 'asked'; readonly request: LeaseRequest }
  | { readonly kind: 'nothing'; readonly because: string }

/** What a message asks about an address; the states of a client are told apart as in RFC 2131 §4.3.2. */
export function leaseRequestOf(message: DhcpMessage, type: MessageTypeName): AskedOfLeases {
  const wanted = requestedAddressOf(message)
  const server = serverIdentifierOf(message)
  const inUse = message.ciaddr === noAddress ? undefined : message.ciaddr
  switch (type) {
    case 'discover':
      return asked({ kind: 'discover', wanted })
    case 'request':
      if (inUse !== undefined) return asked({ kind: 'renewing', address: inUse })
      if (wanted === undefined) return nothing('it asks for no address (option 50 and ciaddr are missing)')
      return asked(
        server === undefined ? { kind: 'init-reboot', wanted } : { kind: 'selecting', server, wanted },
      )
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

function asked(request: LeaseRequest): AskedOfLeases {
  return { kind: 'asked', request }
}

function nothing(because: string): AskedOfLeases {
  return { kind: 'nothing', because }
}
