import { noAddress, type Ipv4 } from '../wire/ipv4.ts'
import { bytesOfText } from '../wire/text.ts'
import { errorName, libc } from './libc.ts'
import { writeSocketAddress } from './outgoing-message.ts'

export type UdpOptions = {
  /** The local address; `0.0.0.0` takes what is sent to any, and broadcasts. */
  readonly address: Ipv4
  /** 0 lets the kernel choose. */
  readonly port: number
  /** Only what arrives on this network interface is seen, and everything leaves through it. */
  readonly interface?: string | undefined
  /** The address that sent datagrams carry; absent, the bound one, or the kernel's choice under `0.0.0.0`. */
  readonly source?: Ipv4 | undefined
  /** Lets other sockets that ask for it too share the port. Then the kernel decides who sees a datagram. */
  readonly reuseAddress?: boolean | undefined
  readonly broadcast?: boolean | undefined
  readonly receiveBufferBytes?: number | undefined
}

/** Refused by the kernel; the message is a sentence with the fact and the next step. */
export class UdpUnavailable extends Error {
  override readonly name = 'UdpUnavailable'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

// The numbers of <asm-generic/socket.h>, <linux/in.h> and <linux/udp.h>, the same on x64 and arm64.
const AF_INET = 2
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_BROADCAST = 6
const SO_RCVBUF = 8
const SO_BINDTODEVICE = 25
const SO_RCVBUFFORCE = 33
const IPPROTO_IP = 0
const IP_MTU_DISCOVER = 10
const IP_PMTUDISC_DONT = 0
const IPPROTO_UDP = 17
const UDP_SEGMENT = 103

/** A name is shorter than IFNAMSIZ, its closing NUL included (<linux/if.h>). */
const longestInterfaceName = 15

/** A bound, non-blocking UDP descriptor, which the caller must close. Throws `UdpUnavailable`. */
export function bindUdp(options: UdpOptions): number {
  const fd = libc().socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw unavailable(options)
  try {
    prepare(fd, options)
    if (libc().bind(fd, socketAddress(options), 16) < 0) throw unavailable(options)
    return fd
  } catch (error) {
    libc().close(fd)
    throw error
  }
}

/** The address and port that a descriptor is bound to. */
export function boundTo(fd: number): { readonly address: number; readonly port: number } {
  const name = new Uint8Array(16)
  const length = Uint8Array.of(16, 0, 0, 0)
  if (libc().getsockname(fd, name, length) < 0) return { address: 0, port: 0 }
  const fields = new DataView(name.buffer)
  return { address: fields.getUint32(4), port: fields.getUint16(2) }
}

/** Whether the kernel cuts one send into many datagrams. One that does not know how would send it whole. */
export function canSegment(fd: number): boolean {
  return set(fd, IPPROTO_UDP, UDP_SEGMENT, number32(0))
}

function socketAddress(to: { readonly address: Ipv4; readonly port: number }): Uint8Array {
  const name = new Uint8Array(16)
  writeSocketAddress(new DataView(name.buffer), 0, to)
  return name
}

function prepare(fd: number, options: UdpOptions): void {
  // The kernel would cut a longer name and bind another interface.
  if (options.interface !== undefined && options.interface.length > longestInterfaceName) {
    throw new UdpUnavailable('ENODEV', sentence('ENODEV', options))
  }
  const wanted: readonly (readonly [level: number, option: number, value: Uint8Array])[] = [
    // A datagram larger than the path's MTU is cut into fragments; with the default it would be refused.
    [IPPROTO_IP, IP_MTU_DISCOVER, number32(IP_PMTUDISC_DONT)],
    ...(options.interface === undefined
      ? []
      : [[SOL_SOCKET, SO_BINDTODEVICE, bytesOfText(`${options.interface}\0`)] as const]),
    ...(options.reuseAddress === true ? [[SOL_SOCKET, SO_REUSEADDR, number32(1)] as const] : []),
    ...(options.broadcast === true ? [[SOL_SOCKET, SO_BROADCAST, number32(1)] as const] : []),
  ]
  for (const [level, option, value] of wanted) {
    if (!set(fd, level, option, value)) throw unavailable(options)
  }
  if (options.receiveBufferBytes === undefined) return
  // Beyond net.core.rmem_max only an administrator may go; anybody else gets as much as it allows.
  const size = number32(options.receiveBufferBytes)
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, size)) set(fd, SOL_SOCKET, SO_RCVBUF, size)
}

function set(fd: number, level: number, option: number, value: Uint8Array): boolean {
  return libc().setsockopt(fd, level, option, value, value.length) === 0
}

function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  return bytes
}

function unavailable(options: UdpOptions): UdpUnavailable {
  const code = errorName(libc().errno())
  return new UdpUnavailable(code, sentence(code, options))
}

function sentence(code: string, options: UdpOptions): string {
  const where = options.address === noAddress ? '' : ` of ${options.address}`
  const port = `UDP port ${options.port}${where}`
  const on = options.interface === undefined ? '' : ` on ${options.interface}`
  switch (code) {
    case 'EADDRINUSE':
      return `${port}${on} is taken, often by dnsmasq, libvirt or another DHCP or TFTP server. Find it with \`ss -ulpn\` and stop it.`
    case 'EACCES':
    case 'EPERM':
      return `${port}${on} may not be opened by this user. Run as root, or give the program CAP_NET_BIND_SERVICE and CAP_NET_RAW.`
    case 'ENODEV':
      return `There is no network interface named ${options.interface ?? '(none)'}. See \`ip link\` for those there are, and correct the settings.`
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${options.address}. See \`ip address\` for those it has, and correct the settings.`
    case 'EMFILE':
    case 'ENFILE':
      return `${port}${on} could not be opened, as too many files are open. Raise the limit (\`ulimit -n\`).`
    default:
      return `${port}${on} could not be opened (${code}).`
  }
}
