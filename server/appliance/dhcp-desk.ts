import { answer, type Answer, type Incoming, type MachineView, type Outgoing } from '../boot/answer.ts'
import type { BootSettings } from '../boot/decide.ts'
import { macInBytes } from '../dhcp/hardware-address.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { ProbeOutcome } from '../listen/address-prober.ts'
import type { DhcpDesk } from '../listen/dhcp.ts'
import type { Chance } from '../machines/chance.ts'
import { joined, noChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import { foundInUse, type AddressProbe } from '../networks/found-in-use.ts'
import { quarantineSeconds } from '../networks/put-aside.ts'
import type { Whereabouts } from '../networks/whereabouts.ts'
import type { Lease } from '../networks/lease.ts'
import type { LeaseTable, Provisional } from '../networks/lease-table.ts'
import { everyone, noAddress } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { Frame } from '../wire/write-pcap.ts'
import type { FrameRing } from './frame-ring.ts'
import type { Logbook } from './logbook.ts'

export type DhcpParts = {
  readonly view: MachineView
  readonly settings: BootSettings
  readonly leases: LeaseTable
  readonly whereabouts: Whereabouts
  readonly roster: Roster
  readonly logbook: Logbook
  readonly chance: Chance
  /** Looks whether somebody is at an address, and the clock for what is answered after that. */
  readonly probing: {
    readonly probe: (probe: AddressProbe) => Promise<ProbeOutcome>
    readonly now: () => number
  }
  /** Where what machines on record send and are sent is kept for a while; without it nothing is. */
  readonly frames?: { readonly ring: FrameRing; readonly now: () => number }
}

/**
 * Carries out what `answer` decides for the datagrams of one moment: changes the tables, and sends. A reply that gives an
 * address away leaves after its lease is on disk; one that promises nothing leaves at once, unless its address must be
 * probed before.
 */
export function dhcpDesk(parts: DhcpParts): DhcpDesk {
  const { view, settings, leases, logbook } = parts
  const desk: DhcpDesk = (incoming, sendOut) => {
    const send: Send = (outgoing, { asked }) => {
      sendOut(outgoing)
      keepFrame(parts, (at) => frameOut(outgoing, asked, at))
    }
    const waiting: Waiting[] = []
    const durable: Lease[] = []
    for (const asked of incoming) {
      const answered = answer(asked, view, settings)
      if (answered.stands !== undefined) parts.whereabouts.note(answered.stands)
      const settle = leases.apply(answered.leases)
      note(parts, answered, asked)
      if (asked.probed === undefined) keepFrame(parts, () => frameIn(asked))
      if (answered.probe !== undefined) {
        void afterProbe(parts, asked, answered.probe, (again) => desk([again], sendOut))
        continue
      }
      const stored = answered.leases.filter((lease) => lease.state !== 'offered')
      if (stored.length === 0) {
        for (const outgoing of answered.send) send(outgoing, { asked })
        continue
      }
      durable.push(...stored)
      waiting.push({ asked, answered, settle })
    }
    if (waiting.length === 0) return
    void settled(logbook.keep(noChange, durable), waiting, send)
  }
  return desk
}

/** Has a datagram answered again when its address has been probed. Whose probe is given up asks again, or has. */
async function afterProbe(
  parts: DhcpParts,
  asked: Incoming,
  probe: AddressProbe,
  again: (asked: Incoming) => void,
): Promise<void> {
  const { probing, leases, logbook } = parts
  const { network, address, mac } = probe
  const outcome = await probing.probe(probe)
  const at = probing.now()
  switch (outcome.kind) {
    case 'quiet':
      leases.noteQuiet(network, address, at)
      break
    case 'in-use':
      putAside(parts, probe, outcome.by, at)
      break
    case 'given-up': {
      const because = `it was to be offered ${address}, and ${outcome.because}`
      logbook.note({ kind: 'packet-ignored', network, mac, protocol: 'dhcp', because })
      return
    }
  }
  again({ ...asked, at, probed: (asked.probed ?? 0) + 1 })
}

function putAside({ leases, logbook }: DhcpParts, probe: AddressProbe, by: Mac, at: number): void {
  const changes = foundInUse(probe, leases, at)
  if (changes.length === 0) return
  const { network, mac, address: inUse } = probe
  const told: ApplianceEvent = { kind: 'address-in-use', network, mac, inUse, by, quarantineSeconds }
  const settle = leases.apply(changes)
  // Nothing is promised by it, so nothing waits for it.
  logbook.keep({ ...noChange, happened: [told] }, changes).then(settle.confirm, settle.revert)
}

type Send = (outgoing: Outgoing, because: { readonly asked: Incoming }) => void

type Waiting = { readonly asked: Incoming; readonly answered: Answer; readonly settle: Provisional }

async function settled(stored: Promise<void>, waiting: readonly Waiting[], send: Send): Promise<void> {
  try {
    await stored
  } catch {
    // The logbook has told why. The clients ask again.
    for (const { settle } of waiting) settle.revert()
    return
  }
  for (const { asked, answered, settle } of waiting) {
    settle.confirm()
    for (const outgoing of answered.send) send(outgoing, { asked })
  }
}

/** Of machines on record only: whoever else asks for an address may be a telephone, and anybody's. */
function keepFrame({ frames, roster }: DhcpParts, make: (at: number) => Frame): void {
  if (frames === undefined) return
  const frame = make(frames.now())
  const mac = macInBytes(frame.bytes)
  if (mac !== undefined && roster.byMac(mac) !== undefined) frames.ring.keep(mac, frame)
}

/** The socket does not tell where a datagram was sent to: a client without an address can only have asked everybody. */
function frameIn({ bytes, from, port, network, at }: Incoming): Frame {
  const address = from.address === noAddress ? everyone : network.serverAddress
  return { at, from, to: { address, port }, bytes }
}

function frameOut({ bytes, to }: Outgoing, { port, network }: Incoming, at: number): Frame {
  return { at, from: { address: network.serverAddress, port }, to, bytes }
}

function note({ roster, logbook, chance }: DhcpParts, answered: Answer, { at, network }: Incoming): void {
  const { seen } = answered
  const change = seen === undefined ? noChange : roster.see({ ...seen, network: network.name }, at, chance)
  const all = joined(change, { ...noChange, happened: answered.happened })
  if (all.machines.length > 0 || all.attempts.length > 0) logbook.keep(all).catch(() => {})
  else for (const event of all.happened) logbook.note(event)
}
