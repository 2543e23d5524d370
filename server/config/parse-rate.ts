const bytesIn: Readonly<Record<string, number>> = {
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  kbit: 1e3 / 8,
  Mbit: 1e6 / 8,
  Gbit: 1e9 / 8,
}

/** Bytes in a second of `50MB` or `400Mbit`; `undefined` for anything else. */
export function parseRate(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  const [, amount = '', unit = ''] = /^([1-9][0-9]{0,5})([kMG](?:B|bit))$/.exec(value) ?? []
  const each = bytesIn[unit]
  return each === undefined ? undefined : Number(amount) * each
}
