import { answer, type Answer, type MachineView } from '../../server/boot/answer.ts'
import type { BootSettings } from '../../server/boot/decide.ts'
import { encode } from '../../server/dhcp/encode.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import type { Lease } from '../../server/networks/lease.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import type { Machine } from '../../server/machines/machine.ts'
import type { Network, ProxyForm } from '../../server/networks/network.ts'
import { noAddress, type Ipv4 } from '../../server/wire/ipv4.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { messageOf } from '../dhcp/golden.ts'
import { aNetwork, ip, subnet } from '../networks/a-network.ts'
import { aMachine } from '../store/records.ts'

/** The network in which most golden packets were captured. */
export const captured: Partial<Network> = {
  serverAddress: ip('10.77.0.1'),
  subnet: subnet('10.77.0.0/24'),
  pool: { first: ip('10.77.0.100'), last: ip('10.77.0.200') },
  router: ip('10.77.0.254'),
  dnsServers: [ip('10.77.0.2'), ip('10.77.0.3')],
  domain: 'rack.example',
}

/** The network of the packets written by hand. */
export const byHand: Partial<Network> = {
  serverAddress: ip('192.168.7.1'),
  subnet: subnet('192.168.7.0/24'),
  pool: { first: ip('192.168.7.50'), last: ip('192.168.7.60') },
  router: undefined,
  dnsServers: [],
}

export const allPrograms: ReadonlySet<string> = new Set([
  'undionly.kpxe',
  'snponly.efi',
  'ipxe.efi',
  'snponly-arm64.efi',
  'shimx64.efi',
  'grubx64.efi',
])

export type Sent = { readonly message: DhcpMessage; readonly bytes: Uint8Array; readonly to: string }

/** A network with its leases and a clock; what `answer` decides is carried out as the appliance does it. */
export class Box {
  readonly network: Network
  readonly table: LeaseTable
  settings: BootSettings = { httpPort: 8080, programs: allPrograms, mtu: 1500 }
  names = new Map<Mac, string>()
  /** What the settings want offered in mode `proxy`. */
  form: ProxyForm = 'ladder'
  /** What was learnt of the machine that asks; the tests ask for one at a time. */
  learnt: Pick<Machine, 'proxy' | 'chained'> = {}
  now = 1_000_000

  constructor(changes: Partial<Network> = captured, leases: readonly Lease[] = []) {
    this.network = aNetwork(changes)
    this.table = new LeaseTable([this.network])
    this.table.load(leases, this.now)
  }

  answer(bytes: Uint8Array, from: Ipv4 = noAddress, port = 67, fromPort = 68, probed?: number): Answer {
    const incoming = {
      bytes,
      from: { address: from, port: fromPort },
      port,
      network: this.network,
      at: this.now,
      ...(probed === undefined ? {} : { probed }),
    }
    const view: MachineView = {
      leases: this.table,
      hostnameOf: (_, mac) => this.names.get(mac),
      proxyOfferOf: () => this.form,
      machineKnownAs: () => ({ ...aMachine(), ...this.learnt }),
    }
    const answered = answer(incoming, view, this.settings)
    const { proxy, chained } = answered.seen ?? {}
    this.learnt = {
      ...this.learnt,
      ...(proxy === undefined ? {} : { proxy }),
      ...(chained === undefined ? {} : { chained }),
    }
    this.table.apply(answered.leases).confirm()
    return answered
  }

  /** The same for a message, and the one reply read back. */
  ask(message: DhcpMessage, from: Ipv4 = noAddress): Answer & { readonly reply: Sent | undefined } {
    const answered = this.answer(encode(message, { maxBytes: 1472 }).bytes, from)
    return { ...answered, reply: sentIn(answered) }
  }

  /** Has the message answered, and expects a reply. */
  replyTo(message: DhcpMessage, from: Ipv4 = noAddress): Sent {
    const answered = this.ask(message, from)
    if (answered.reply === undefined) throw new Error(`no reply: ${JSON.stringify(answered.happened)}`)
    return answered.reply
  }
}

/** The reply of an answer, read back from its bytes. */
export function sentIn({ send }: Answer): Sent | undefined {
  const [only, ...others] = send
  if (others.length > 0) throw new Error(`${send.length} datagrams`)
  if (only === undefined) return undefined
  const { bytes, to } = only
  return { bytes, message: messageOf(bytes), to: `${to.address}:${to.port}` }
}

export function kinds(happened: readonly ApplianceEvent[]): readonly string[] {
  return happened.map((event) => event.kind)
}

/** Why nothing was sent. */
export function reasonOf({ happened }: Answer): string {
  const [event] = happened
  return event !== undefined && 'because' in event ? event.because : ''
}
