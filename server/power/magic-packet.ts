import { bytesOfMac, type Mac } from '../wire/mac.ts'

/** The port `discard`, by custom; a sleeping card looks for the bytes wherever they are. */
export const magicPacketPort = 9

/** What wakes a card: six bytes of ones and its address sixteen times (AMD, Magic Packet Technology, 20213). */
export function magicPacket(mac: Mac): Uint8Array {
  const bytes = new Uint8Array(6 + 16 * 6).fill(0xff, 0, 6)
  const address = bytesOfMac(mac)
  for (let time = 0; time < 16; time++) bytes.set(address, 6 + time * 6)
  return bytes
}
