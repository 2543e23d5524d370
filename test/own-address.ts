import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'

/**
 * An address of loopback (127.0.0.0/8) that this process has for itself. A port there that is closed, and opened again later,
 * is nobody else's meanwhile: tests beside this one, and the connections of this one, have 127.0.0.1.
 */
export const ownAddress = addressOf(process.pid)

/** At most 2^22 processes have a number each (proc(5), pid_max). */
function addressOf(pid: number): string {
  return `127.${64 + ((pid >>> 16) & 63)}.${(pid >>> 8) & 255}.${pid & 255}`
}

/** A port of that address at which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, ownAddress)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
