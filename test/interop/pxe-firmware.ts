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

export type FirmwarePlan = {
  /** The golden DISCOVER it sends. */
  readonly packet?: string
  /** The number of its transaction; left out, that of the packet. */
  readonly xid?: number
  /** EDK2 waits four seconds; servers here are on the same machine. */
  readonly collectMs?: number
}

/** Firmware asks again, with the same transaction number, when nobody gives it an address. */
const mostAsked = 4

/**
 * Does as firmware does: sends a captured DISCOVER under its own MAC, waits for the offers of all servers, takes the one
 * with an address, and sets that on `eth0`. No ready-made client does so: udhcpc takes whichever offer is first.
 */
export async function startFirmware(
  machine: NetworkNamespace,
  mac: Mac,
  { packet = 'discover-uefi-pxe', xid, collectMs = 2_500 }: FirmwarePlan = {},
): Promise<FirmwareEnd> {
  const captured = golden(packet)
  const discover = { ...captured, chaddr: chaddrOf(mac), flags: 0x8000, xid: xid ?? captured.xid }
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
  const withAddress = () => all('offer').find(({ yiaddr }) => yiaddr !== noAddress)
  for (let asked = 0; asked < mostAsked && withAddress() === undefined; asked++) {
    send(discover)
    await pause(collectMs)
  }
  const offers = all('offer')
  const chosen = withAddress()
  const server = chosen === undefined ? undefined : serverIdentifierOf(chosen)
  if (chosen === undefined || server === undefined)
    throw new Error(`${offers.length} offers, none with an address`)
  const options = new Map(discover.options)
    .set(53, Uint8Array.of(3))
    .set(50, bytesOfIpv4(chosen.yiaddr))
    .set(54, bytesOfIpv4(server))
  send({ ...discover, options })
  await until('the ACK', () => all('ack').some(({ yiaddr }) => yiaddr === chosen.yiaddr))
  await machine.run(['ip', 'address', 'replace', `${chosen.yiaddr}/24`, 'dev', 'eth0'])
  return { address: chosen.yiaddr, server, offers }
}

/** What a ROM goes by: one form of a proxy's offer, and no other. */
export type Taste = 'with-43' | 'without-43' | 'boot-server'

/**
 * Powers on a machine whose ROM takes one form of a proxy's offer only: its boot file as the ROM comes by it, from the
 * offer or from port 4011; `undefined` when nothing was to its taste.
 */
export async function startPickyFirmware(
  machine: NetworkNamespace,
  mac: Mac,
  taste: Taste,
  plan: FirmwarePlan,
): Promise<{ readonly file: string; readonly from: Ipv4 } | undefined> {
  const { address, offers } = await startFirmware(machine, mac, plan)
  const offer = offers.find(({ yiaddr }) => yiaddr === noAddress)
  if (offer === undefined || formOf(offer) !== taste) return undefined
  if (taste === 'with-43') return { file: offer.file, from: offer.siaddr }
  return { file: await askBootServer(machine, { mac, address, server: offer.siaddr }), from: offer.siaddr }
}

function formOf({ options, file }: DhcpMessage): Taste | undefined {
  if (new TextDecoder().decode(options.get(60)) !== 'PXEClient') return undefined
  const namesFile = file !== '' || options.has(67)
  if (options.has(43)) return namesFile ? 'with-43' : undefined
  return namesFile ? 'without-43' : 'boot-server'
}

/** Asks on port 4011 and from it, as EDK2 does, for the name of the boot file. */
export async function askBootServer(
  machine: NetworkNamespace,
  who: { readonly mac: Mac; readonly address: Ipv4; readonly server: Ipv4 },
): Promise<string> {
  const asked = { ...golden('request-boot-server'), ciaddr: who.address, chaddr: chaddrOf(who.mac) }
  const heard: string[] = []
  await using socket = inside(machine.name, () =>
    openUdp({ address: who.address, port: 4011 }, (datagrams) => {
      for (const { bytes, from } of datagrams) {
        if (from.address === who.server && from.port === 4011) heard.push(messageOf(bytes).file)
      }
    }),
  )
  socket.send(encode(asked).bytes, { address: who.server, port: 4011 })
  await until('the boot server', () => heard.length > 0)
  return heard[0] ?? ''
}

function chaddrOf(mac: Mac): Uint8Array {
  const bytes = new Uint8Array(16)
  bytes.set(bytesOfMac(mac))
  return bytes
}
