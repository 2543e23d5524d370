import { magicPacket, magicPacketPort } from '../power/magic-packet.ts'
import { everyone, type Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import { openUdp } from './udp-socket.ts'

/** Nobody answers, and a switch whose port has just woken may lose one. */
const times = 3

/** Where a sleeping card is looked for: the interface, and the address of the box there. */
export type WakePlace = { readonly interface: string; readonly address: Ipv4 }

/** Sends what wakes cards into the network behind an interface; gives why it could not. Throws `UdpUnavailable`. */
export async function wakeMachine(place: WakePlace, macs: readonly Mac[]): Promise<string | undefined> {
  const { interface: device, address } = place
  await using socket = openUdp({ interface: device, address, port: 0, broadcast: true }, () => {})
  let because: string | undefined
  for (let time = 0; time < times; time++) {
    for (const mac of macs) {
      because ??= socket.send(magicPacket(mac), { address: everyone, port: magicPacketPort })?.because
    }
  }
  return because
}
