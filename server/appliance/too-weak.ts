import type { Machine } from '../machines/machine.ts'
import type { Roster } from '../machines/roster.ts'
import type { EnrolmentDesk } from './enrolment-desk.ts'
import { cardOf } from './joining.ts'
import type { Plans } from './plans.ts'

type TooWeakParts = { readonly roster: Roster; readonly plans: Pick<Plans, 'whyTooWeak'> }

/** Why a machine may not enrol, by what its boot has shown so far; nothing where it may. */
export function tooWeakToEnrol(parts: TooWeakParts): (machine: Machine) => string | undefined {
  return (machine) => {
    const mac = cardOf(parts, machine)
    return mac === undefined ? undefined : parts.plans.whyTooWeak(mac, machine)
  }
}

/**
 * Why a machine may not enter its cluster, by what the boot had shown in which its system enrolled; nothing where it may. What
 * anybody on the wire has shown in its name since then does not keep it out.
 */
export function tooWeakToJoin(
  parts: TooWeakParts & { readonly enrolments: Pick<EnrolmentDesk, 'of'> },
): (machine: Machine) => string | undefined {
  return (machine) => {
    const mac = cardOf(parts, machine)
    if (mac === undefined) return undefined
    const holder = parts.enrolments.of(machine.id)?.holder
    const enrolled = holder === undefined ? {} : { enrolledAt: holder.since }
    return parts.plans.whyTooWeak(mac, machine, { shown: holder?.shown, ...enrolled })
  }
}
