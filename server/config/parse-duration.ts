const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** Seconds of `90`, `90s`, `2m`, `12h` or `1d`; `undefined` for anything else. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value > 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const parts = /^([1-9][0-9]{0,8})([smhd]?)$/.exec(value)
  if (parts === null) return undefined
  return Number(parts[1]) * (secondsIn[parts[2] === '' ? 's' : (parts[2] ?? 's')] ?? 1)
}
