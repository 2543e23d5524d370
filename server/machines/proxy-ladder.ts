import type { Mac } from '../wire/mac.ts'

/**
 * The forms that an offer of mode `proxy` may have, in the order in which they are tried: with option 43, which lets
 * firmware load the file at once; without it, so that EDK2 asks again on port 4011; with nothing to load, so that
 * everybody does.
 */
export const proxyStrategies = ['with-43', 'without-43', 'boot-server'] as const
export type ProxyStrategy = (typeof proxyStrategies)[number]

/** What was learnt of a machine's firmware in mode `proxy`. */
export type ProxyLadder = {
  readonly strategy: ProxyStrategy
  /** Whether a boot has worked with it. */
  readonly worked: boolean
  /** Boots in a row that fetched nothing: with this strategy where it has worked before, else since the ladder was begun. */
  readonly failures: number
  /** The offer whose outcome is not known yet. */
  readonly trial?: Trial
}

/** One conversation, from its first DISCOVER on: what an offer is repeated in. */
type Trial = {
  /** The cards that asked in it. */
  readonly macs: readonly Mac[]
  readonly xid: number
  readonly since: number
  readonly latest: number
  /** Something was asked for by TFTP: the offer has done its work. */
  readonly fetched: boolean
}

/** A DISCOVER of firmware. */
export type Ask = {
  readonly mac: Mac
  readonly xid: number
  /** Since when the client has been asking, by its own count. */
  readonly secs: number
  readonly at: number
}

export type StrategyChange = {
  readonly from: ProxyStrategy
  readonly to: ProxyStrategy
  readonly because: string
}

export type Climb = { readonly ladder: ProxyLadder; readonly change?: StrategyChange }

const bottom: ProxyLadder = { strategy: proxyStrategies[0], worked: false, failures: 0 }

/** A strategy that has worked is left when so many boots in a row fetched nothing: one may be a person's power button. */
export const failuresOfWorking = 3

/** Whether every strategy has been tried since the last one that worked, and none was taken. */
export function isExhausted({ worked, failures }: ProxyLadder): boolean {
  return !worked && failures >= proxyStrategies.length
}

/** Firmware asks: the offer made before, if nothing came of it and this is another boot, has failed. */
export function heardAsking(ladder: ProxyLadder = bottom, ask: Ask): Climb {
  const { trial, ...known } = ladder
  const { mac, xid, at } = ask
  const fresh: Trial = { macs: [mac], xid, since: at, latest: at, fetched: false }
  // A clock that was set back must not cost a machine its strategy.
  if (trial === undefined || at < trial.since) return { ladder: { ...known, trial: fresh } }
  if (repeats(trial, ask)) {
    const macs = trial.macs.includes(mac) ? trial.macs : [...trial.macs, mac]
    return { ladder: { ...known, trial: { ...trial, macs, latest: at } } }
  }
  const climb = trial.fetched ? { ladder: known } : failed(known)
  return { ...climb, ladder: { ...climb.ladder, trial: fresh } }
}

/** Firmware went on to another way of booting: what it was offered by PXE has failed, unless it was fetched. */
export function heardLeaving(ladder: ProxyLadder, at: number): Climb {
  const { trial, ...known } = ladder
  if (trial === undefined || at - trial.latest <= togetherMs) return { ladder }
  return trial.fetched ? { ladder: known } : failed(known)
}

/** The settings fix the strategy: what was offered by it says nothing of the ladder's. */
export function withoutTrial({ strategy, worked, failures }: ProxyLadder): ProxyLadder {
  return { strategy, worked, failures }
}

/**
 * The machine asked for a file by TFTP, or has come further: whatever stops it now, its offer did not. One whole file means that
 * the strategy works.
 */
export function heardFetching(ladder: ProxyLadder, mac: Mac, got: 'part' | 'whole'): ProxyLadder {
  const { trial, ...known } = ladder
  if (trial?.macs.includes(mac) !== true) return ladder
  if (got === 'whole') return { strategy: known.strategy, worked: true, failures: 0 }
  return trial.fetched ? ladder : { ...known, trial: { ...trial, fetched: true } }
}

function failed(ladder: ProxyLadder): Climb {
  const { strategy: from, worked } = ladder
  const failures = ladder.failures + 1
  if (worked && failures < failuresOfWorking) return { ladder: { ...ladder, failures } }
  const to = after(from)
  const because = worked
    ? `${failures} boots in a row were offered ${from} and fetched nothing, though it has worked before`
    : `firmware was offered ${from}, fetched nothing, and asks anew`
  return {
    ladder: { strategy: to, worked: false, failures: worked ? 1 : failures },
    change: { from, to, because },
  }
}

function after(strategy: ProxyStrategy): ProxyStrategy {
  const next = (proxyStrategies.indexOf(strategy) + 1) % proxyStrategies.length
  return proxyStrategies[next] ?? proxyStrategies[0]
}

/** Asks that follow each other so closely are one: two cards at once, or a ROM that counts its transactions up. */
const togetherMs = 3_000

/** PXE clients ask at 0, 4, 12, 28 and 60 s, each time for the same boot (PXE 2.1). */
const conversationMs = 64_000

/** The client's own count is of whole seconds, and some begin it with 4. */
const secsToleranceMs = 2_000

/**
 * Whether an ask repeats the one before. Never after the time that a client goes on asking: there are ROMs that make
 * the transaction number of their MAC address, the same in every boot.
 */
function repeats(trial: Trial, { mac, xid, secs, at }: Ask): boolean {
  const since = at - trial.since
  if (since > conversationMs) return false
  if (at - trial.latest <= togetherMs) return true
  if (!trial.macs.includes(mac)) return false
  return xid === trial.xid || (secs > 0 && secs * 1_000 >= since - secsToleranceMs)
}
