import type { ClusterInit } from '../clusters/cluster.ts'
import { initLimitMs } from '../clusters/decide-join.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { Join } from '../machines/join.ts'
import type { Roster } from '../machines/roster.ts'
import { parseIpv4 } from '../wire/ipv4.ts'
import type { ClusterBook } from './cluster-book.ts'
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

/**
 * The claim of a machine that was given up on, and comes to its end after all, where nobody has taken its place: what it made is
 * the cluster. `from`: where it speaks from, by which its API is reached where the cluster has no endpoint of its own.
 */
export function lateClaim(
  book: ClusterBook,
  machine: string,
  { cluster, since }: Join,
  from: string,
): ClusterInit | undefined {
  const found = book.find(cluster)?.cluster
  if (found?.kind !== 'managed' || found.init !== undefined || found.createdAt > since) return undefined
  const address = parseIpv4(from)
  const endpoint = found.endpoint ?? (address === undefined ? undefined : `${address}:6443`)
  return endpoint === undefined ? undefined : { machine, endpoint, since, phase: 'claimed' }
}

/** While the box was away nobody could tell it how it went: the time of each claim begins anew with a start of the box. */
export async function renewClaims({ book, now }: Pick<Parts, 'book' | 'now'>): Promise<void> {
  for (const { cluster } of book.list()) {
    if (cluster.kind !== 'managed' || cluster.init?.phase !== 'claimed') continue
    await book.setInit(cluster.name, { ...cluster.init, since: now() })
  }
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
