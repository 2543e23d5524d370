import type { Attempt, Machine } from '../../server/machines/machine.ts'
import type { NewEvent } from '../../server/store/events.ts'
import { parseUuid } from '../../server/wire/uuid.ts'
import { macNumber } from '../networks/a-network.ts'
import type { Mac } from '../../server/wire/mac.ts'

export const uuid = parseUuid('4c4c4544-0042-3510-8058-b4c04f4d3232')

/** By what a machine is tied to its record whose board has shown nothing. */
export const byMacAlone = {
  tier: 'mac',
  because: 'no boot of it from the network has shown its board',
} as const

export function aMachine(changes: Partial<Machine> = {}): Machine {
  return {
    id: 'M0000001',
    macs: [macNumber(2), macNumber(1)],
    uuid,
    serial: 'SN-1',
    manufacturer: 'Maker',
    product: undefined,
    hostname: 'node-1',
    architecture: 'x64 UEFI',
    firmware: undefined,
    state: 'discovered',
    stateBecause: 'It was seen for the first time.',
    stateSince: 1_000,
    discoveredAt: 1_000,
    lastSeenAt: 2_000,
    failures: 0,
    ...changes,
  }
}

export function anAttempt(changes: Partial<Attempt> = {}): Attempt {
  return {
    id: 'a1',
    machine: 'M0000001',
    mac: '52:54:00:00:00:01' as Mac,
    startedAt: 1_000,
    lastSeenAt: 1_500,
    stage: 'firmware',
    endedAt: undefined,
    result: undefined,
    ...changes,
  }
}

export function anEvent(at: number, about: Partial<NewEvent> = {}): NewEvent {
  return { at, event: { kind: 'job-ran', job: 'sweep', outcome: `run ${at}` }, ...about }
}
