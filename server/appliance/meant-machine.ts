import { closest } from '../config/closest.ts'
import type { Machine } from '../machines/machine.ts'

/** Among more than so many machines it is not looked for: it would take the box too long. */
const mostLikened = 1000

/** The identifier, host name or claim code that was probably meant by a name that no machine has. */
export function meantMachine(machines: readonly Machine[], name: string): string | undefined {
  if (machines.length > mostLikened) return undefined
  const known = machines.flatMap(({ id, hostname, claim }) => [id, hostname, claim])
  return closest(
    name,
    known.filter((one) => one !== undefined),
  )
}
