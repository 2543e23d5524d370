import { faults, firmwares, rackMethods, type Fault, type RackPlan } from './rack.ts'

export type Parsed<Value> =
  { readonly kind: 'value'; readonly value: Value } | { readonly kind: 'refused'; readonly because: string }

const mostShare = 1_000

/** Reads `bios=1,uefi=2,http=1`. */
export function parseMix(text: string): Parsed<RackPlan['mix']> {
  const read = parseShares(text, 'firmware', firmwares)
  if (read.kind === 'refused') return read
  return { kind: 'value', value: read.value.map(({ name, share }) => ({ firmware: name, share })) }
}

/** Reads `ram=1,disk=2`. */
export function parseMethods(text: string): Parsed<RackPlan['methods']> {
  const read = parseShares(text, 'method', rackMethods)
  if (read.kind === 'refused') return read
  return { kind: 'value', value: read.value.map(({ name, share }) => ({ method: name, share })) }
}

function parseShares<Name extends string>(
  text: string,
  what: string,
  names: readonly Name[],
): Parsed<readonly { readonly name: Name; readonly share: number }[]> {
  const shares: { readonly name: Name; readonly share: number }[] = []
  for (const part of text.split(',')) {
    const [given = '', shareText = '1', ...rest] = part.trim().split('=')
    const name = names.find((known) => known === given)
    if (name === undefined) {
      return refused(`there is no ${what} ${JSON.stringify(given)}; there are ${names.join(', ')}`)
    }
    const share = /^[0-9]{1,4}$/.test(shareText) ? Number(shareText) : Number.NaN
    if (rest.length > 0 || !(share <= mostShare)) {
      return refused(`${JSON.stringify(part)} is no share; write one as ${name}=2`)
    }
    shares.push({ name, share })
  }
  return shares.some(({ share }) => share > 0)
    ? { kind: 'value', value: shares }
    : refused(`no ${what} has a share above 0`)
}

/** Reads `none`, `all`, or names of faults. */
export function parseFaults(text: string): Parsed<readonly Fault[]> {
  const all = Object.keys(faults) as Fault[]
  if (text === 'none') return { kind: 'value', value: [] }
  if (text === 'all') return { kind: 'value', value: all }
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !Object.hasOwn(faults, name))
  if (unknown !== undefined) {
    return refused(`there is no fault ${JSON.stringify(unknown)}; there are ${all.join(', ')}`)
  }
  return { kind: 'value', value: all.filter((fault) => names.includes(fault)) }
}

/** Reads a size as `8M`, `512K`, `1G` or in bytes, in units of 1024. */
export function parseSize(text: string): Parsed<number> {
  const [, digits = '', unit = ''] = /^([0-9]{1,9})([KMG]?)$/i.exec(text) ?? []
  const bytes = Number(digits) * (units[unit.toUpperCase()] ?? 1)
  if (digits === '' || bytes < 1 || bytes > mostBytes) {
    return refused(`${JSON.stringify(text)} is no size between 1 byte and 4G; write it as 8M`)
  }
  return { kind: 'value', value: bytes }
}

const units: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 }
const mostBytes = 4 * 1024 ** 3

function refused(because: string): { readonly kind: 'refused'; readonly because: string } {
  return { kind: 'refused', because }
}
