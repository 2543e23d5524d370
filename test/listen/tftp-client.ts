import { openUdp, type Datagram, type Endpoint } from '../../server/listen/udp-socket.ts'
import { decodeTftp, type DecodedTftp } from '../../server/tftp/decode.ts'
import { encodeTftp } from '../../server/tftp/encode.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'

export type Answer = { readonly packet: DecodedTftp; readonly from: Endpoint }

/** A client that sends what a test says, packet by packet, and a plain one that fetches whole files. */
export function openClient(address = '127.0.0.1' as Ipv4) {
  const waiting: Datagram[] = []
  let wake = () => {}
  const socket = openUdp({ address, port: 0 }, (datagrams) => {
    waiting.push(...datagrams)
    wake()
  })
  const seen = new Set<string>()
  /** The next packet. What a busy machine makes the server repeat is passed over. */
  const next = async (): Promise<Answer> => {
    for (;;) {
      while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      const { bytes, from } = waiting.shift()!
      const packet = decodeTftp(bytes)
      const name = packet.kind === 'block' ? `block ${packet.block}` : packet.kind
      const repeated = packet.kind !== 'error' && seen.has(`${from.port} ${name}`)
      seen.add(`${from.port} ${name}`)
      if (!repeated) return { packet, from }
    }
  }
  const client = {
    local: socket.local,
    /** How many packets came that no one has taken. */
    untaken: () => waiting.length,
    send: (bytes: Uint8Array, to: Endpoint) => socket.send(bytes, to),
    next,
    ask: (to: Endpoint, file: string, options: Record<string, string> = {}, mode = 'octet') =>
      socket.send(readRequest(file, options, mode), to),
    acknowledge: (to: Endpoint, block: number) =>
      socket.send(encodeTftp({ kind: 'acknowledgement', block }), to),
    /** The file, or the error that came in its place. */
    fetch: async (to: Endpoint, file: string, options: Record<string, string> = {}, mode = 'octet') => {
      client.ask(to, file, options, mode)
      const parts: Uint8Array[] = []
      let [blockBytes, windowBlocks] = [512, 1]
      for (;;) {
        const { packet, from } = await next()
        if (packet.kind === 'error') return packet
        if (packet.kind === 'option-acknowledgement') {
          blockBytes = Number(packet.options.get('blksize') ?? 512)
          windowBlocks = Number(packet.options.get('windowsize') ?? 1)
          client.acknowledge(from, 0)
        } else if (packet.kind === 'block' && packet.block === ((parts.length + 1) & 0xffff)) {
          parts.push(packet.bytes)
          const last = packet.bytes.length < blockBytes
          if (last || parts.length % windowBlocks === 0) client.acknowledge(from, packet.block)
          if (last) return { kind: 'file' as const, bytes: Uint8Array.from(Buffer.concat(parts)), from }
        }
      }
    },
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  }
  return client
}

export function readRequest(file: string, options: Record<string, string> = {}, mode = 'octet'): Uint8Array {
  return encodeTftp({ kind: 'read-request', file, mode, options: new Map(Object.entries(options)) })
}
