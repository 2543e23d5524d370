import { node } from 'koffi'
import { calls, inside } from './inside.ts'

// The numbers of <linux/if_packet.h>, <linux/if_ether.h> and <asm-generic/socket.h>.
const AF_PACKET = 17
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const SOL_PACKET = 263
const PACKET_VNET_HDR = 15
const PACKET_IGNORE_OUTGOING = 23
const ETH_P_ALL = 3
const MSG_DONTWAIT = 0x40

/** struct virtio_net_hdr: what the kernel left to the card, such as a checksum. It must travel with its frame. */
export const headerBytes = 10
const largestFrameBytes = 65_536 + 64

export type Frames = Disposable & {
  /** Sends a frame; `header` is the one that came with it, where it came from another wire. */
  send(frame: Uint8Array, header?: Uint8Array): boolean
}

/** The wire at an interface of a namespace: every Ethernet frame that arrives there is given out, every one can be sent. */
export function openFrames(
  namespace: string,
  device: string,
  arrived: (frame: Buffer, header: Buffer) => void,
): Frames {
  const fd = packetSocket(namespace, device)
  const incoming = Buffer.alloc(headerBytes + largestFrameBytes)
  const outgoing = Buffer.alloc(headerBytes + largestFrameBytes)
  let closed = false
  const poll = node.poll(fd, { readable: true }, () => {
    try {
      for (;;) {
        if (closed) return
        const length = calls().recv(fd, incoming, incoming.length, MSG_DONTWAIT)
        if (length <= headerBytes) return
        arrived(
          Buffer.from(incoming.subarray(headerBytes, length)),
          Buffer.from(incoming.subarray(0, headerBytes)),
        )
      }
    } catch (error) {
      setImmediate(() => {
        throw error
      })
    }
  })
  return {
    send(frame, header) {
      if (closed) return false
      outgoing.fill(0, 0, headerBytes)
      if (header !== undefined) outgoing.set(header)
      outgoing.set(frame, headerBytes)
      const length = headerBytes + frame.length
      return calls().send(fd, outgoing, length, MSG_DONTWAIT) === length
    },
    [Symbol.dispose]() {
      if (closed) return
      closed = true
      poll.close()
      calls().close(fd)
    },
  }
}

/** A socket for all that arrives at an interface of a namespace; what it sends itself it does not see. */
export function packetSocket(namespace: string, device: string): number {
  return inside(namespace, () => bound(device))
}

function bound(device: string): number {
  const c = calls()
  const fd = c.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw new Error(`a packet socket cannot be opened on ${device}`)
  const number = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer)
  const wanted = [
    [SOL_PACKET, PACKET_VNET_HDR, number(1)],
    [SOL_PACKET, PACKET_IGNORE_OUTGOING, number(1)],
    [SOL_SOCKET, SO_RCVBUFFORCE, number(16 * 1024 * 1024)],
  ] as const
  for (const [level, option, value] of wanted) {
    if (c.setsockopt(fd, level, option, value, value.length) !== 0) throw refused(fd, device)
  }
  // struct sockaddr_ll: family, protocol, index of the interface, and nothing else is read by bind.
  const name = new DataView(new ArrayBuffer(20))
  name.setUint16(0, AF_PACKET, true)
  name.setUint16(2, ETH_P_ALL)
  name.setInt32(4, c.if_nametoindex(device), true)
  if (c.bind(fd, new Uint8Array(name.buffer), 20) !== 0) throw refused(fd, device)
  return fd
}

function refused(fd: number, device: string): Error {
  calls().close(fd)
  return new Error(`the frames of ${device} cannot be seen`)
}
