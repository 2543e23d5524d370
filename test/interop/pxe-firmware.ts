import { setTimeout as pause } from 'node:timers/promises'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { encode } from '../../server/dhcp/encode.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { messageTypeOf, serverIdentifierOf } from '../../server/dhcp/options.ts'
import { openUdp } from '../../server/listen/udp-socket.ts'
import { bytesOfIpv4, everyone, noAddress, type Ipv4 } from '../../server/wire/ipv4.ts'
import { bytesOfMac, type Mac } from '../../server/wire/mac.ts'
import { golden, messageOf } from '../dhcp/golden.ts'
import { until } from './a-box.ts'
import { inside } from './inside.ts'

export type FirmwareEnd = {
  readonly address: Ipv4
  /** Where its address came from. */
  readonly server: Ipv4
  /** All that was offered, in the order of arrival. */
  readonly offers: readonly DhcpMessage[]
}

/** EDK2 waits four seconds; servers here are on the same machine. */
const collectMs = 2_500

/**
 * Does as firmware does: sends a captured DISCOVER under its own MAC, waits for the offers of all servers, takes the one
 * with an address, and sets that on `eth0`. No ready-made client does so: udhcpc takes whichever offer is first.
 */
export async function startFirmware(
  machine: NetworkNamespace,
  mac: Mac,
  packet = 'discover-uefi-pxe',
): Promise<FirmwareEnd> {
  const chaddr = new Uint8Array(16)
  chaddr.set(bytesOfMac(mac))
  const discover = { ...golden(packet), chaddr, flags: 0x8000 }
  const heard: DhcpMessage[] = []
  await using socket = inside(machine.name, () =>
    openUdp({ address: noAddress, port: 68, interface: 'eth0', broadcast: true }, (datagrams) => {
      for (const { bytes } of datagrams) {
        const message = messageOf(bytes)
        if (message.op === 2 && message.xid === discover.xid) heard.push(message)
      }
    }),
  )
  const send = (message: DhcpMessage) => socket.send(encode(message).bytes, { address: everyone, port: 67 })
  const all = (type: string) => heard.filter((message) => messageTypeOf(message) === type)
  send(discover)
  await pause(collectMs)
  const offers = all('offer')
  const chosen = offers.find(({ yiaddr }) => yiaddr !== noAddress)
  const server = chosen === undefined ? undefined : serverIdentifierOf(chosen)
  if (chosen === undefined || server === undefined)
    throw new Error(`${offers.length} offers, none with an address`)
  const options = new Map(discover.options)
    .set(53, Uint8Array.of(3))
    .set(50, bytesOfIpv4(chosen.yiaddr))
    .set(54, bytesOfIpv4(server))
  send({ ...discover, options })
  await until('the ACK', () => all('ack').some(({ yiaddr }) => yiaddr === chosen.yiaddr))
  await machine.run(['ip', 'address', 'add', `${chosen.yiaddr}/24`, 'dev', 'eth0'])
  return { address: chosen.yiaddr, server, offers }
}
