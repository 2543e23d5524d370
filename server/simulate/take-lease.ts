import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import { messageTypeOf, serverIdentifierOf } from '../dhcp/options.ts'
import { noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { clientMessage, type Speaker } from './client-message.ts'
import { Lost, type Course } from './course.ts'
import type { RackMachine } from './rack.ts'

export type LeaseTaken = { readonly address: Ipv4; readonly ack: DhcpMessage }

/** Seconds between the repetitions of a message: EDK2 and PXE ROMs double from 4, iPXE from 1, udhcpc asks each 2. */
const waits: { readonly [speaker in Speaker]: readonly number[] } = {
  firmware: [4, 8, 16, 32],
  ipxe: [1, 2, 4, 8, 10],
  system: [2, 2, 2, 2, 2, 2, 2, 2],
}

/** How often a client that came to nothing begins again with DISCOVER. */
const rounds = 3

/** DISCOVER, OFFER, REQUEST, ACK, each repeated as this client repeats it. */
export function* takeLease(
  machine: RackMachine,
  speaker: Speaker,
  chance: () => number,
  hostname?: string,
): Course<LeaseTaken> {
  let waited = 0
  for (let round = 0; round < rounds; round++) {
    const xid = newXid(chance)
    if (machine.fault === 'impatient') {
      // Its own second DISCOVER makes the answer to the first one nobody's.
      yield* ask('discover', newXid(chance), undefined, [], 0)
    }
    const offer = yield* repeated('discover', xid, undefined, ['offer'])
    const server = offer === undefined ? undefined : serverIdentifierOf(offer)
    if (offer === undefined || server === undefined || offer.yiaddr === noAddress) continue
    const chosen = { address: offer.yiaddr, server }
    const ack = yield* repeated('request', xid, chosen, ['ack', 'nak'])
    if (ack === undefined || messageTypeOf(ack) !== 'ack') continue
    yield { kind: 'take-address', address: ack.yiaddr }
    return { address: ack.yiaddr, ack }
  }
  throw new Lost(`no DHCP server gave its ${speaker} an address`)

  function* repeated(
    type: MessageTypeName,
    xid: number,
    chosen: { readonly address: Ipv4; readonly server: Ipv4 } | undefined,
    expects: readonly MessageTypeName[],
  ): Course<DhcpMessage | undefined> {
    for (const seconds of waits[speaker]) {
      // Half a second more or less keeps a rack from asking in step (RFC 2131 §4.1).
      const reply = yield* ask(type, xid, chosen, expects, (seconds - 0.5 + chance()) * 1000)
      waited += seconds
      if (reply !== undefined) return reply
    }
    return undefined
  }

  function* ask(
    type: MessageTypeName,
    xid: number,
    chosen: { readonly address: Ipv4; readonly server: Ipv4 } | undefined,
    expects: readonly MessageTypeName[],
    withinMs: number,
  ): Course<DhcpMessage | undefined> {
    const message = clientMessage(machine, speaker, { type, xid, secs: Math.floor(waited), chosen, hostname })
    const copies = machine.fault === 'duplicate-messages' ? 2 : 1
    const found = yield { kind: 'ask', message, copies, expects, withinMs }
    return found.kind === 'reply' ? found.message : undefined
  }
}

function newXid(chance: () => number): number {
  return Math.floor(chance() * 0x1_0000_0000)
}
