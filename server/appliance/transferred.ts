import type { ApplianceEvent } from '../events/event.ts'
import { noChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { Logbook } from './logbook.ts'

/** Notes what became of a transfer by TFTP, and what it tells of the firmware that asked for it. */
export function transferred(
  parts: {
    readonly roster: Roster
    readonly logbook: Logbook
    readonly holderOf: (address: Ipv4) => Mac | undefined
  },
  event: ApplianceEvent,
): void {
  const { roster, logbook, holderOf } = parts
  const mac = event.address === undefined ? undefined : holderOf(event.address)
  const got = gotBy(event)
  logbook.note(event)
  const learnt = mac === undefined || got === undefined ? noChange : roster.fetched(mac, got)
  // The logbook tells by itself what it could not write.
  if (learnt.machines.length > 0) logbook.keep(learnt).catch(() => {})
}

/** Who asks for a file has heard what it was told; also who breaks off, or asks for one that is not here. */
function gotBy(event: ApplianceEvent): 'part' | 'whole' | undefined {
  switch (event.kind) {
    case 'program-sent':
      return 'whole'
    case 'program-not-sent':
      return 'part'
    default:
      return undefined
  }
}
