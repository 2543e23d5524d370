import { node } from 'koffi'
import { arpBytes } from '../wire/arp.ts'
import { macOfBytes, type Mac } from '../wire/mac.ts'
import { errorName, libc } from './libc.ts'

/** ARP on one interface: everything that reaches it comes out, and what is sent goes to everybody on the wire. */
export type ArpSocket = AsyncDisposable & {
  /** The hardware address that the interface has now: that of a bond may change. */
  readonly mac: Mac
  /** Whether the kernel took it. */
  send(bytes: Uint8Array): boolean
}

/** Refused by the kernel; the message is a sentence with the fact and the next step. */
export class ArpUnavailable extends Error {
  override readonly name = 'ArpUnavailable'
}

// The numbers of <linux/if_packet.h>, <linux/if_ether.h>, <linux/if_arp.h> and <asm-generic/socket.h>.
const AF_PACKET = 17
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const ETH_P_ARP = 0x0806
const ARPHRD_ETHER = 1
/** Seen on the wire, and not for this interface: the frame of a VLAN that the box has not. */
const PACKET_OTHERHOST = 3
const MSG_DONTWAIT = 0x40

/** struct sockaddr_ll: family, protocol, interface, hardware type, packet type, length of the address, address. */
const nameBytes = 20
const at = { family: 0, protocol: 2, interface: 4, hardware: 8, packet: 10, length: 11, address: 12 } as const
/** How many packets are read before other sockets get their turn. */
const packetsPerTurn = 256

/** Opens it; throws `ArpUnavailable` where that is impossible. */
export function openArp(device: string, onPacket: (bytes: Uint8Array) => void): ArpSocket {
  const index = libc().if_nametoindex(device)
  if (index === 0) throw new ArpUnavailable(`there is no network interface named ${device}`)
  const fd = libc().socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw refused(device)
  try {
    if (libc().bind(fd, nameOf(index), nameBytes) < 0) throw refused(device)
    // A tunnel has no hardware address, and nobody to ask for one.
    if (ownName(fd).getUint16(at.hardware, true) !== ARPHRD_ETHER) {
      throw new ArpUnavailable(`${device} is no Ethernet interface, and has no ARP`)
    }
  } catch (error) {
    libc().close(fd)
    throw error
  }
  return listening(fd, index, onPacket)
}

function listening(fd: number, index: number, onPacket: (bytes: Uint8Array) => void): ArpSocket {
  const everybody = nameOf(index)
  everybody[at.length] = 6
  everybody.fill(0xff, at.address, at.address + 6)
  const packet = new Uint8Array(128)
  const from = new Uint8Array(nameBytes)
  const fromLength = new Uint8Array(4)
  let closed = false

  const read = (): void => {
    for (let count = 0; count < packetsPerTurn; count++) {
      if (closed) return
      fromLength[0] = nameBytes
      const length = libc().recvfrom(fd, packet, packet.length, MSG_DONTWAIT, from, fromLength)
      if (length < 0) return
      if (length >= arpBytes && from[at.packet] !== PACKET_OTHERHOST) onPacket(packet.slice(0, length))
    }
  }
  const onReady = (status: unknown): void => {
    try {
      read()
    } catch (error) {
      // koffi would swallow it, and a fault of ours must be loud.
      setImmediate(() => {
        throw error
      })
    }
    // libuv stops a poll whose descriptor had an error pending, as when the interface went down; reading has taken it away.
    if (typeof status === 'number' && status < 0 && !closed) poll.start({ readable: true }, onReady)
  }
  const poll = node.poll(fd, { readable: true }, onReady)

  return {
    get mac() {
      const name = ownName(fd)
      const mac = macOfBytes(new Uint8Array(name.buffer, at.address, 6))
      if (mac === undefined) throw new Error('an Ethernet address of other than six bytes')
      return mac
    },
    send(bytes) {
      if (closed) return false
      return libc().sendto(fd, bytes, bytes.length, MSG_DONTWAIT, everybody, nameBytes) === bytes.length
    },
    [Symbol.asyncDispose]() {
      if (!closed) {
        closed = true
        poll.close()
        libc().close(fd)
      }
      return Promise.resolve()
    },
  }
}

function nameOf(index: number): Uint8Array {
  const name = new DataView(new ArrayBuffer(nameBytes))
  name.setUint16(at.family, AF_PACKET, true)
  name.setUint16(at.protocol, ETH_P_ARP)
  name.setInt32(at.interface, index, true)
  return new Uint8Array(name.buffer)
}

function ownName(fd: number): DataView {
  const name = new Uint8Array(nameBytes)
  libc().getsockname(fd, name, Uint8Array.of(nameBytes, 0, 0, 0))
  return new DataView(name.buffer)
}

function refused(device: string): ArpUnavailable {
  const code = errorName(libc().errno())
  return new ArpUnavailable(
    code === 'EPERM' || code === 'EACCES'
      ? `ARP on ${device} is not allowed to this user; run as root, or give the program CAP_NET_RAW`
      : `ARP on ${device} could not be opened (${code})`,
  )
}
