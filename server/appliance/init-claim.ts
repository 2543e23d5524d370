import type { ClusterInit } from '../clusters/cluster.ts'
import { initLimitMs } from '../clusters/decide-join.ts'
import type { Roster } from '../machines/roster.ts'
import type { ClusterBook } from './cluster-book.ts'
import { aboutMachine } from './joining.ts'
import type { Logbook } from './logbook.ts'

type Parts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly book: ClusterBook
  readonly now: () => number
}

/** The claim of a machine on a cluster whose first control plane it makes; `undefined` when it holds none. */
export function claimOf(book: ClusterBook, cluster: string, machine: string): ClusterInit | undefined {
  const found = book.find(cluster)?.cluster
  if (found?.kind !== 'managed' || found.init?.machine !== machine) return undefined
  return found.init.phase === 'claimed' ? found.init : undefined
}

/** Lets others make the first control plane where the machine that was to has not come to its end. */
export async function giveUpSilentInits(parts: Parts): Promise<void> {
  const { roster, logbook, book, now } = parts
  for (const { cluster } of book.list()) {
    if (cluster.kind !== 'managed' || cluster.init?.phase !== 'claimed') continue
    const { name, init: claim } = cluster
    const because = whyOver(roster, claim, now())
    if (because === undefined) continue
    tellGivenUp(parts, name, claim, because)
    const moved = roster.move(claim.machine, 'join-failed', because, now())
    await Promise.all([book.setInit(name, undefined), logbook.keep(moved)])
  }
}

export function tellGivenUp(
  { roster, logbook }: Pick<Parts, 'roster' | 'logbook'>,
  cluster: string,
  { machine: id }: ClusterInit,
  because: string,
): void {
  const machine = roster.byId(id)
  const whose = machine === undefined ? {} : aboutMachine(machine)
  logbook.note({ kind: 'cluster-init-given-up', ...whose, cluster, because })
}

function whyOver(roster: Roster, { machine: id, since }: ClusterInit, now: number): string | undefined {
  const machine = roster.byId(id)
  if (machine === undefined) return `${id} is not on record any more`
  const name = machine.join?.node ?? machine.hostname ?? id
  if (machine.state !== 'joining') return `${name} is ${machine.state}`
  const minutes = initLimitMs / 60_000
  return now - since > initLimitMs ? `${name} did not say in ${minutes} minutes how it went` : undefined
}
