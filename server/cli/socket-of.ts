import { join } from 'node:path'
import { socketName } from './api-client.ts'
import type { Call } from './call.ts'

/** The socket file of the appliance that this call means. */
export function socketOf(call: Call): string {
  return join(call.dataFolder(), socketName)
}
