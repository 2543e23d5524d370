import { stringify } from 'yaml'

/** What may stand in a file for cloud-init. Keys without a value are left out. */
export type CloudValue =
  string | number | boolean | readonly CloudValue[] | { readonly [key: string]: CloudValue | undefined }

export type WrittenYaml =
  { readonly kind: 'yaml'; readonly text: string } | { readonly kind: 'refused'; readonly because: string }

/**
 * cloud-init reads with PyYAML, which knows YAML 1.1: there `52:54:00:12:34:56` is a number and `no` is false. Quotes
 * around every text, and JSON's escapes inside them, leave nothing to interpret.
 */
const yaml11 = {
  version: '1.1',
  defaultStringType: 'QUOTE_DOUBLE',
  defaultKeyType: 'PLAIN',
  doubleQuotedAsJSON: true,
  aliasDuplicateObjects: false,
  lineWidth: 0,
} as const

/** Deeper than any file of cloud-init. */
const deepest = 16

/** Writes a value so that PyYAML reads exactly that value, or says why it cannot be written so. */
export function writeYaml(value: CloudValue): WrittenYaml {
  const because = whyNotValue(value, [])
  return because === undefined
    ? { kind: 'yaml', text: stringify(value, yaml11) }
    : { kind: 'refused', because }
}

function whyNotValue(value: CloudValue, path: readonly string[]): string | undefined {
  const refusal = (because: string) => `${path.join('.') || 'the value'} ${because}`
  if (path.length > deepest) return refusal(`is nested more than ${deepest} deep`)
  if (typeof value === 'boolean') return undefined
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? undefined : refusal('is not a whole number')
  if (typeof value === 'string') {
    const because = whyNotText(value)
    return because === undefined ? undefined : refusal(because)
  }
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value) && !isPlainKey(key)) return refusal(`has a key that would need quotes`)
    if (inner === undefined) continue
    const because = whyNotValue(inner, [...path, key])
    if (because !== undefined) return because
  }
  return undefined
}

/** PyYAML refuses a file with characters outside its `Reader.NON_PRINTABLE`, and takes U+0085 for a line break. */
function whyNotText(text: string): string | undefined {
  // The merge key of YAML 1.1 is written without quotes even where it is a value.
  if (text === '<<') return 'is <<, which YAML 1.1 reads as a merge key'
  if (!text.isWellFormed()) return 'has half of a surrogate pair'
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  const found = /[\u0000\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/.exec(text)
  if (found === null) return undefined
  const code = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return `has the character U+${code}, which does not survive YAML 1.1`
}

/** Words that YAML 1.1 reads as true, false or nothing (yaml.org/type/bool, null). */
const notText: ReadonlySet<string> = new Set(['y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null'])

function isPlainKey(key: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(key) && !notText.has(key.toLowerCase())
}
