import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'

type Calls = {
  setns(fd: number, kind: number): number
  socket(domain: number, type: number, protocol: number): number
  connect(fd: number, address: Uint8Array, length: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number
  recv(fd: number, bytes: Uint8Array, length: number, flags: number): number
  recvmsg(fd: number, message: Uint8Array, flags: number): number
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number
  if_nametoindex(name: string): number
  close(fd: number): number
}

/** CLONE_NEWNET (<linux/sched.h>). */
const networkNamespace = 0x40000000

let loaded: Calls | undefined

/** The calls of the C library that the clients and listeners of the tests are made of. */
export function calls(): Calls {
  if (loaded !== undefined) return loaded
  const c = koffi.load('libc.so.6')
  loaded = {
    setns: c.func('int setns(int fd, int kind)'),
    socket: c.func('int socket(int domain, int type, int protocol)'),
    connect: c.func('int connect(int fd, const void *address, uint32_t length)'),
    bind: c.func('int bind(int fd, const void *address, uint32_t length)'),
    setsockopt: c.func('int setsockopt(int fd, int level, int option, const void *value, uint32_t length)'),
    recv: c.func('int64_t recv(int fd, void *bytes, size_t length, int flags)'),
    recvmsg: c.func('int64_t recvmsg(int fd, void *message, int flags)'),
    send: c.func('int64_t send(int fd, const void *bytes, size_t length, int flags)'),
    if_nametoindex: c.func('unsigned int if_nametoindex(const char *name)'),
    close: c.func('int close(int fd)'),
  }
  return loaded
}

/**
 * Does something in another network namespace and comes back. It must not wait: a socket belongs for ever to the namespace
 * in which it was made, so making it there is enough.
 */
export function inside<T>(namespace: string, make: () => T): T {
  using stack = new DisposableStack()
  const open = (path: string): number => stack.adopt(openSync(path, 'r'), closeSync)
  const home = open('/proc/thread-self/ns/net')
  const there = open(`/run/netns/${namespace}`)
  enter(there)
  stack.defer(() => enter(home))
  return make()
}

function enter(namespace: number): void {
  if (calls().setns(namespace, networkNamespace) !== 0) throw new Error('a namespace cannot be entered')
}
