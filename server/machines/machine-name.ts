import { hyphenated, type Mac } from '../wire/mac.ts'
import type { Machine } from './machine.ts'

/** The name given to a machine, or one made of the MAC address that it booted from. */
export function machineName({ hostname }: Pick<Machine, 'hostname'>, mac: Mac): string {
  return hostname ?? `node-${hyphenated(mac).replaceAll('-', '')}`
}
