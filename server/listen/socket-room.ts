import type { Socket } from 'node:net'
import { totalmem } from 'node:os'
import { libc } from './libc.ts'

// The numbers of <asm-generic/socket.h> and <linux/tcp.h>, the same on x64 and arm64.
const SOL_SOCKET = 1
const SO_PRIORITY = 12
const SO_SNDBUFFORCE = 32
/** Of <linux/pkt_sched.h>: what may wait for everything else. */
const TC_PRIO_BULK = 2
const IPPROTO_TCP = 6
const TCP_NOTSENT_LOWAT = 25

/** The kernel doubles it for what it spends itself, and so it is twice what a connection grows to alone (bytes). */
const wideBytes = 4 * 1024 * 1024
/** The kernel lets TCP have a twentieth of the memory before it begins to save; the wide ones may take half of that. */
const mostWide = Math.floor(totalmem() / 40 / (2 * wideBytes))

const wide = new WeakSet<Socket>()
let wideCount = 0

/**
 * Gives a connection more room for what is to be sent, so that this program is woken less often for the same bytes: at 16
 * clients a sixth less processor time. Where it may not, or too many have it, the kernel's own measure stays.
 */
export function widen(fd: number, socket: Socket): void {
  if (wide.has(socket) || wideCount >= mostWide || socket.destroyed) return
  // Without the right to go beyond net.core.wmem_max this fails, and nothing is changed.
  if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, wideBytes)) return
  wide.add(socket)
  wideCount++
  socket.once('close', () => wideCount--)
}

/** In the queue of the interface what it sends lets DHCP, TFTP and scripts pass (pfifo_fast, Debian's default, has bands). */
export function letOthersPass(fd: number): void {
  set(fd, SOL_SOCKET, SO_PRIORITY, TC_PRIO_BULK)
}

/** Lets no more than this lie in the kernel unsent, so that what was allowed to go out goes out soon. */
export function keepShort(fd: number, byteCount: number): void {
  set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, byteCount)
}

function set(fd: number, level: number, option: number, value: number): boolean {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  return libc().setsockopt(fd, level, option, bytes, bytes.length) === 0
}
