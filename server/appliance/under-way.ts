import type { ApplianceEvent } from '../events/event.ts'
import type { UnderWay } from '../http/under-way.ts'
import { noChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import type { Lease } from '../networks/lease.ts'
import type { LeaseTable } from '../networks/lease-table.ts'
import type { Network } from '../networks/network.ts'
import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { Logbook } from './logbook.ts'

export type UnderWayParts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly leases: LeaseTable
  readonly networks: readonly Network[]
  readonly holderOf: (address: Ipv4) => Mac | undefined
  readonly now: () => number
}

/**
 * Makes a file that a machine waits for, or that is on its way, a part of its boot. The machine can do nothing about the
 * time that takes, and iPXE does not renew its short lease meanwhile: both are prolonged.
 */
export function underWay(parts: UnderWayParts, told: UnderWay): void {
  const { roster, logbook, leases, holderOf, now } = parts
  const address = parseIpv4(told.from)
  const mac = address === undefined ? undefined : holderOf(address)
  const machine = mac === undefined ? undefined : roster.byMac(mac)
  const attempt = machine === undefined ? undefined : roster.latestAttempt(machine.id)
  const change = attempt === undefined ? noChange : roster.fetching(attempt.id, now())
  const longer = address === undefined || mac === undefined ? undefined : longerLease(parts, address, mac)
  const changes = longer === undefined ? [] : [longer]
  const settle = leases.apply(changes)
  const event = { ...(address === undefined ? {} : { address }), ...eventOf(told) }
  logbook.keep({ ...change, happened: [event] }, changes).then(settle.confirm, settle.revert)
}

function eventOf(told: UnderWay): ApplianceEvent {
  const { file } = told
  switch (told.kind) {
    case 'queued':
      return { kind: 'file-queued', file, ahead: told.ahead }
    case 'going-out':
      return { kind: 'file-going-out', file, byteCount: told.byteCount, ofBytes: told.ofBytes }
  }
}

/** What a download has left at the least; the news of it come each minute. */
const leastMs = 150_000
const prolongedMs = 300_000

function longerLease({ leases, networks, now }: UnderWayParts, address: Ipv4, mac: Mac): Lease | undefined {
  for (const { name } of networks) {
    const lease = leases.leaseAt(name, address)
    if (lease?.state !== 'leased' || lease.mac !== mac) continue
    return lease.endsAt - now() < leastMs ? { ...lease, endsAt: now() + prolongedMs } : undefined
  }
  return undefined
}
