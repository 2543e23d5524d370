import { libc } from './libc.ts'

// The numbers of <asm-generic/socket.h>, <linux/tcp.h> and <linux/pkt_sched.h>, the same on x64 and arm64.
const SOL_SOCKET = 1
const SO_PRIORITY = 12
const IPPROTO_TCP = 6
const TCP_NOTSENT_LOWAT = 25
/** What may wait for everything else. */
const TC_PRIO_BULK = 2

/**
 * Lets DHCP, TFTP and scripts pass what this connection sends in the queue of the interface: pfifo_fast, Debian's default,
 * has bands. With `mostUnsent` no more than that lies in the kernel unsent, so that what was allowed to go out goes out
 * soon. A kernel that knows neither sends all the same.
 */
export function prepareImageSocket(fd: number, { mostUnsent }: { readonly mostUnsent?: number }): void {
  set(fd, SOL_SOCKET, SO_PRIORITY, TC_PRIO_BULK)
  if (mostUnsent !== undefined) set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, mostUnsent)
}

function set(fd: number, level: number, option: number, value: number): void {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  libc().setsockopt(fd, level, option, bytes, bytes.length)
}
