import type { Roster } from '../machines/roster.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { Whose } from './logbook.ts'

/** How long after its end an attempt still collects what its machine does: the start from its own disk, say. */
const afterglowMs = 10 * 60 * 1000

/** Finds the machine of an event by its MAC, or by who holds its address, and the boot it belongs to. */
export function whoseEvent(
  roster: Roster,
  holderOf: (address: Ipv4) => Mac | undefined,
  now: () => number,
): Whose {
  return ({ mac, address, attempt }) => {
    const holder = mac ?? (address === undefined ? undefined : holderOf(address))
    const machine = holder === undefined ? undefined : roster.byMac(holder)
    if (machine === undefined) return attempt === undefined ? {} : { attempt }
    const latest = roster.latestAttempt(machine.id)
    const isOver = latest?.endedAt !== undefined && now() - latest.endedAt > afterglowMs
    const belongs = attempt ?? (isOver ? undefined : latest?.id)
    return belongs === undefined ? { machine: machine.id } : { machine: machine.id, attempt: belongs }
  }
}
