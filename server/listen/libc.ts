import koffi from 'koffi'
import { getSystemErrorName } from 'node:util'

/** The calls of the C library that Node does not offer; each sets `errno` and never throws. */
export type Libc = {
  socket(domain: number, type: number, protocol: number): number
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number
  sendmsg(fd: number, message: Uint8Array, flags: number): number
  sendto(
    fd: number,
    bytes: Uint8Array,
    count: number,
    flags: number,
    to: Uint8Array,
    toLength: number,
  ): number
  recvfrom(
    fd: number,
    bytes: Uint8Array,
    count: number,
    flags: number,
    from: Uint8Array,
    fromLength: Uint8Array,
  ): number
  recvmmsg(fd: number, messages: Uint8Array, count: number, flags: number, timeout: null): number
  /** Bytes that went from the file to the socket; `offset` (64 bits) says from where, and moves on. */
  sendfile(socket: number, file: number, offset: Uint8Array, count: number): number
  /** The number of a network interface, 0 when there is none of the name. */
  if_nametoindex(name: string): number
  dup(fd: number): number
  close(fd: number): number
  /** Where the first of `bytes` lies in memory. The caller keeps `bytes` alive for as long as the number is used. */
  addressOf(bytes: Uint8Array): number
  errno(): number
}

let loaded: Libc | undefined

/** Loads the C library once; an error thrown here is a sentence for the person who starts the appliance. */
export function libc(): Libc {
  loaded ??= load()
  return loaded
}

/** The name of an error number, as `EADDRINUSE`. */
export function errorName(errno: number): string {
  return getSystemErrorName(-errno)
}

function load(): Libc {
  const here = `${process.platform} ${process.arch}`
  // The layouts of msghdr, iovec and cmsghdr that udp-socket.ts writes are those of 64-bit little-endian glibc.
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new Error(
      `Sockets bound to a network interface need Linux on x64 or arm64, and this is ${here}. Run Ironwake on such a machine.`,
    )
  }
  try {
    return bindings()
  } catch (error) {
    throw new Error(
      `The C library could not be reached through koffi: ${error instanceof Error ? error.message : String(error)}. ` +
        'Ironwake needs a system with glibc (Debian or Ubuntu) and its npm packages installed with their optional ones: run `npm ci`.',
      { cause: error },
    )
  }
}

function bindings(): Libc {
  const c = koffi.load('libc.so.6')
  const memcpy = c.func('uintptr_t memcpy(void *to, const void *from, size_t count)')
  return {
    socket: c.func('int socket(int domain, int type, int protocol)'),
    setsockopt: c.func('int setsockopt(int fd, int level, int option, const void *value, uint32_t length)'),
    bind: c.func('int bind(int fd, const void *address, uint32_t length)'),
    getsockname: c.func('int getsockname(int fd, void *address, void *length)'),
    sendmsg: c.func('int64_t sendmsg(int fd, const void *message, int flags)'),
    sendto: c.func(
      'int64_t sendto(int fd, const void *bytes, size_t count, int flags, const void *to, uint32_t toLength)',
    ),
    recvfrom: c.func(
      'int64_t recvfrom(int fd, void *bytes, size_t count, int flags, void *from, void *fromLength)',
    ),
    recvmmsg: c.func('int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)'),
    sendfile: c.func('int64_t sendfile64(int socket, int file, void *offset, size_t count)'),
    if_nametoindex: c.func('unsigned int if_nametoindex(const char *name)'),
    dup: c.func('int dup(int fd)'),
    close: c.func('int close(int fd)'),
    addressOf: (bytes) => Number(memcpy(bytes, bytes, 0)),
    errno: () => koffi.errno(),
  }
}
