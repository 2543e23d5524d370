import { phases, type Phase } from './course.ts'
import type { Played } from './play.ts'
import type { RackMethod } from './rack.ts'

/** The result of a rack: what is printed, and what programs read. */
export type Tally = {
  readonly machines: number
  readonly up: number
  /** Of those that are up. */
  readonly upBy: { readonly [method in RackMethod]?: number }
  readonly ownDisk: number
  readonly lost: readonly { readonly mac: string; readonly firmware: string; readonly because: string }[]
  readonly byFirmware: { readonly [firmware: string]: { readonly machines: number; readonly up: number } }
  /** Milliseconds; a phase that no machine came to is absent. */
  readonly phases: { readonly [phase in Phase]?: Spread } & { readonly total: Spread }
  readonly seconds: number
  readonly byteCount: number
  readonly bytesPerSecond: number
}

export type Spread = {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly most: number
}

/** Sums up how the machines of a rack fared in so many milliseconds. */
export function tallyOf(played: readonly Played[], tookMs: number): Tally {
  const byFirmware: { [firmware: string]: { machines: number; up: number } } = {}
  for (const { machine, end } of played) {
    const row = (byFirmware[machine.firmware] ??= { machines: 0, up: 0 })
    row.machines++
    if (end.kind === 'up') row.up++
  }
  const lost = played.flatMap(({ machine, end }) =>
    end.kind === 'lost'
      ? [{ mac: machine.mac, firmware: described(machine.firmware, machine.fault), because: end.because }]
      : [],
  )
  const times = Object.fromEntries(
    phases.flatMap((phase) => {
      const values = played.flatMap((one) => one.phases[phase] ?? [])
      return values.length === 0 ? [] : [[phase, spreadOf(values)]]
    }),
  ) as { [phase in Phase]?: Spread }
  const upBy: { [method in RackMethod]?: number } = {}
  for (const { end } of played) if (end.kind === 'up') upBy[end.method] = (upBy[end.method] ?? 0) + 1
  const byteCount = played.reduce((sum, one) => sum + one.byteCount, 0)
  return {
    machines: played.length,
    up: played.filter(({ end }) => end.kind === 'up').length,
    upBy,
    ownDisk: played.filter(({ end }) => end.kind === 'own-disk').length,
    lost,
    byFirmware,
    phases: { ...times, total: spreadOf(played.map((one) => one.totalMs)) },
    seconds: tookMs / 1000,
    byteCount,
    bytesPerSecond: tookMs <= 0 ? 0 : (byteCount * 1000) / tookMs,
  }
}

/** Percentiles by nearest rank: each is a value that was measured. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1) }
}

function described(firmware: string, fault: string | undefined): string {
  return fault === undefined ? firmware : `${firmware}, ${fault}`
}
