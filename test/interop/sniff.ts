import { decode } from '../../server/dhcp/decode.ts'
import type { DhcpMessage, MessageTypeName } from '../../server/dhcp/message.ts'
import { messageTypeOf } from '../../server/dhcp/options.ts'
import { datagramIn, isIpv4, type WireDatagram } from './datagram.ts'
import { openFrames } from './frames.ts'

export type HeardDhcp = WireDatagram & {
  readonly message: DhcpMessage
  readonly type: MessageTypeName | undefined
}

export type Sniffer = Disposable & {
  /** Every frame of IPv4 that was on the wire and that reaches this port. */
  readonly ipv4: readonly Buffer[]
  readonly datagrams: () => readonly WireDatagram[]
  readonly dhcp: (type?: MessageTypeName) => readonly HeardDhcp[]
}

/** What was said, one after another: who waits for too long on a slow machine asks again, and is answered again. */
export function withoutRepeats<T>(said: readonly T[]): readonly T[] {
  return said.filter((one, index) => one !== said[index - 1])
}

/** Listens to all that reaches an interface, and keeps it. */
export function sniff(namespace: string, device = 'eth0'): Sniffer {
  const ipv4: Buffer[] = []
  const frames = openFrames(namespace, device, (frame) => {
    if (isIpv4(frame)) ipv4.push(frame)
  })
  const datagrams = (): WireDatagram[] =>
    ipv4.map((frame) => datagramIn(frame)).filter((datagram) => datagram !== undefined)
  return {
    ipv4,
    datagrams,
    dhcp: (type) =>
      datagrams()
        .flatMap((datagram): HeardDhcp[] => {
          const decoded = decode(datagram.bytes)
          if (decoded.kind === 'malformed') return []
          return [{ ...datagram, message: decoded.message, type: messageTypeOf(decoded.message) }]
        })
        .filter((heard) => type === undefined || heard.type === type),
    [Symbol.dispose]: () => frames[Symbol.dispose](),
  }
}
