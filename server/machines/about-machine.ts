import type { Mac } from '../wire/mac.ts'
import type { Machine } from './machine.ts'

/** How an event names a machine: by its first card. */
export function aboutMachine({ macs: [mac] }: Pick<Machine, 'macs'>): { readonly mac?: Mac } {
  return mac === undefined ? {} : { mac }
}
