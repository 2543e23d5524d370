import { answer, type Answer, type MachineView, type Outgoing } from '../boot/answer.ts'
import type { BootSettings } from '../boot/decide.ts'
import type { DhcpDesk } from '../listen/dhcp.ts'
import { joined, noChange, type Chance, type Roster } from '../machines/roster.ts'
import type { Whereabouts } from '../networks/whereabouts.ts'
import type { Lease } from '../networks/lease.ts'
import type { LeaseTable, Provisional } from '../networks/lease-table.ts'
import type { Logbook } from './logbook.ts'

export type DhcpParts = {
  readonly view: MachineView
  readonly settings: BootSettings
  readonly leases: LeaseTable
  readonly whereabouts: Whereabouts
  readonly roster: Roster
  readonly logbook: Logbook
  readonly chance: Chance
}

/**
 * Carries out what `answer` decides for the datagrams of one moment: changes the tables, and sends. A reply that gives an
 * address away leaves after its lease is on disk; one that promises nothing leaves at once.
 */
export function dhcpDesk(parts: DhcpParts): DhcpDesk {
  const { view, settings, leases, logbook } = parts
  return (incoming, send) => {
    const waiting: Waiting[] = []
    const durable: Lease[] = []
    for (const datagram of incoming) {
      const answered = answer(datagram, view, settings)
      if (answered.stands !== undefined) parts.whereabouts.note(answered.stands)
      const settle = leases.apply(answered.leases)
      note(parts, answered, datagram.at)
      const stored = answered.leases.filter((lease) => lease.state !== 'offered')
      if (stored.length === 0) {
        for (const outgoing of answered.send) send(outgoing)
        continue
      }
      durable.push(...stored)
      waiting.push({ answered, settle })
    }
    if (waiting.length === 0) return
    void settled(logbook.keep(noChange, durable), waiting, send)
  }
}

type Waiting = { readonly answered: Answer; readonly settle: Provisional }

async function settled(
  stored: Promise<void>,
  waiting: readonly Waiting[],
  send: (outgoing: Outgoing) => void,
): Promise<void> {
  try {
    await stored
  } catch {
    // The logbook has told why. The clients ask again.
    for (const { settle } of waiting) settle.revert()
    return
  }
  for (const { answered, settle } of waiting) {
    settle.confirm()
    for (const outgoing of answered.send) send(outgoing)
  }
}

function note({ roster, logbook, chance }: DhcpParts, answered: Answer, at: number): void {
  const change = answered.seen === undefined ? noChange : roster.see(answered.seen, at, chance)
  const all = joined(change, { ...noChange, happened: answered.happened })
  if (all.machines.length > 0 || all.attempts.length > 0) logbook.keep(all).catch(() => {})
  else for (const event of all.happened) logbook.note(event)
}
