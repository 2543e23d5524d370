/**
 * Walks of a machine through its boot order, one after another, of which none led anywhere. A walk takes each way once: a
 * card by PXE, the same card by HTTP, another card. Who takes a way again has begun a new walk.
 */
export type Rounds = {
  /** The ways taken in the latest walk. */
  readonly ways: readonly string[]
  /** How many walks there were, the latest included. */
  readonly count: number
  /** When the first of them began. */
  readonly since: number
  /** When the latest began. */
  readonly began: number
  readonly latest: number
}

/** So many walks in a row, and the machine is told that it goes round. */
export const roundsUntilStop = 5

/** After so long without a boot the next one has nothing to do with those before. */
export const roundsForgottenMs = 10 * 60_000

/** A script is asked for again for so long within one boot (chain.ipxe: seven times, a minute and a half of pauses). */
const askedAgainMs = 120_000

/** More ways than any boot order has; made-up cards end here. */
const mostWays = 16

/** A boot begins by a way; `undefined` where only its script was asked for, which tells of none. */
export function comesBy(rounds: Rounds | undefined, way: string | undefined, now: number): Rounds {
  const ways = way === undefined ? [] : [way]
  if (rounds === undefined || now < rounds.latest || now - rounds.latest > roundsForgottenMs) {
    return { ways, count: 1, since: now, began: now, latest: now }
  }
  if (goesOn(rounds, way, now)) return { ...rounds, ways: [...rounds.ways, ...ways], latest: now }
  return { ...rounds, ways, count: rounds.count + 1, began: now, latest: now }
}

export function goesRound(rounds: Rounds | undefined): rounds is Rounds {
  return rounds !== undefined && rounds.count >= roundsUntilStop
}

function goesOn({ ways, began }: Rounds, way: string | undefined, now: number): boolean {
  if (way === undefined) return now - began <= askedAgainMs
  return !ways.includes(way) && ways.length < mostWays
}
