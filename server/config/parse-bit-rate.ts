const bitsIn: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 }

/** Bits per second of `900Mbit/s`, `2.5Gbit/s` or `500 kbit`; `undefined` for anything else. */
export function parseBitRate(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  const parts = /^([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([kmg])bit(?:\/s)?$/i.exec(value)
  const unit = bitsIn[(parts?.[2] ?? '').toLowerCase()]
  return parts === null || unit === undefined ? undefined : Math.round(Number(parts[1]) * unit)
}
